//! The operator dies after each of its writes, and another one goes on that remembers nothing. What is there in the end is what
//! an undisturbed operator makes, and nothing was made twice.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    faults::Faults,
    rounds::{BESIDE, chosen},
    spaces::{Space, spec},
};

/// How many deaths are played in every change, of each kind.
const FEW: usize = 4;

/// Plays a round for some of these numbers of writes.
pub async fn after_some_of(writes: usize, round: impl AsyncFn(usize)) {
    let points = chosen((1..=writes).collect(), FEW);
    println!("{} of {writes} writes: {points:?}", points.len());
    stream::iter(points).for_each_concurrent(BESIDE, |point| round(point)).await;
}

#[tokio::test]
async fn a_creation_is_the_same_whenever_the_operator_dies() {
    let space = Space::new("created").await;
    space.apply(&spec()).await;
    let (undisturbed, writes) = space.settle(Faults::none()).await;
    assert_nothing_made_twice(&space);

    after_some_of(writes, async |point| {
        let space = Space::new("crash-created").await;
        space.apply(&spec()).await;
        space.settle_or_die(Faults::death_after(point)).await;
        let (healed, _) = space.settle(Faults::none()).await;
        healed.assert_like(&undisturbed, &format!("dead after write {point} of the creation"));
        assert_nothing_made_twice(&space);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_nearly_everything_is_the_same_whenever_the_operator_dies() {
    let changed = async |faults: Faults| {
        let space = Space::new("changed").await;
        space.apply(&spec()).await;
        space.settle(Faults::none()).await;
        space.apply(&another_spec()).await;
        space.settle_or_die(faults.clone()).await;
        assert!(faults.writes() > 0, "the change isn't seen");
        let (picture, _) = space.settle(Faults::none()).await;
        assert_nothing_made_twice(&space);
        (picture, faults.writes())
    };
    let (undisturbed, writes) = changed(Faults::none()).await;
    after_some_of(writes, async |point| {
        let (healed, _) = changed(Faults::death_after(point)).await;
        healed.assert_like(&undisturbed, &format!("dead after write {point} of the change"));
    })
    .await;
}

/// A change of nearly everything.
pub fn another_spec() -> Value {
    let mut spec = spec();
    spec["images"] = json!({"registry": "mirror.example.org"});
    spec["services"] = json!({
        "auth": {"replicas": 2}, "user": {"env": [{"name": "TRACKLORE_LOG", "value": "debug"}]},
        "feed": {"autoscaling": {"minReplicas": 2, "maxReplicas": 4}},
    });
    spec["kafka"]["topics"] = json!([{"name": "posts-events", "partitions": 24}]);
    spec["redis"]["managed"]["maxMemory"] = json!("256Mi");
    spec["gateway"] = json!({"ingress": {"className": "nginx"}});
    spec["auth"]["accessTokenTtl"] = json!("7m");
    spec
}

/// By the API server's own log: each object of the operator was made once. Events are told by name of their time.
pub fn assert_nothing_made_twice(space: &Space) {
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let log = std::fs::read_to_string(space.server.audit_log()).unwrap();
    for line in log.lines() {
        let Ok(request) = serde_json::from_str::<Value>(line) else { continue };
        let target = &request["objectRef"];
        let is_new = request["responseStatus"]["code"] == 201;
        if is_new && target["namespace"] == space.name.as_str() && target["resource"] != "events" {
            *made.entry(format!("{}/{}", target["resource"], target["name"])).or_default() += 1;
        }
    }
    let twice: Vec<_> = made.iter().filter(|(_, times)| **times > 1).collect();
    assert!(!made.is_empty() && twice.is_empty(), "made more than once: {twice:?}");
}
