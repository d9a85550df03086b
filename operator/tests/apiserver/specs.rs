//! Specs by chance, one after another: the stack becomes what the last one says, whatever was there before, and then rests.

use std::time::Duration;

use futures::{StreamExt, stream};
use proptest::{
    collection::vec,
    option::weighted,
    prelude::{Just, Strategy, any},
    prop_oneof,
    sample::select,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Map, Value, json};

use crate::{
    faults::Faults,
    operator::Operator,
    picture::Picture,
    rounds::{BESIDE, chosen},
    spaces::{self, Space},
};

/// How many sequences are played in every change.
const FEW: usize = 3;
/// How long nothing may be written in the end.
const SILENCE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_stack_becomes_what_its_last_spec_says_whatever_was_before() {
    let mut runner = TestRunner::default();
    let mut by_chance = || vec((spec(), any::<bool>()), 2..5).new_tree(&mut runner).unwrap().current();
    let sequences: Vec<_> = (0..100).map(|_| growing(by_chance())).collect();
    stream::iter(chosen(sequences, FEW)).for_each_concurrent(BESIDE, play).await;
}

/// Applies the specs, each at once after the one before or when that is settled.
async fn play(specs: Vec<(Value, bool)>) {
    let last = specs.last().unwrap().0.clone();
    let what = format!("the specs {}", json!(specs));
    let space = Space::new("changing").await;
    let operator = Operator::start(&space.name, Faults::none()).await;
    for (spec, awaited) in &specs {
        space.apply(spec).await;
        if *awaited {
            space.settled(&operator).await;
        }
    }
    space.settled(&operator).await;
    let changed = Picture::of(&space).await.without_history();

    let writes = operator.faults.writes();
    tokio::time::sleep(SILENCE).await;
    assert_eq!(operator.faults.writes(), writes, "{what}: something is written although nothing happens");

    let fresh = Space::new("fresh").await;
    fresh.apply(&last).await;
    let (fresh, _) = fresh.settle(Faults::none()).await;
    changed.assert_like(&fresh.without_history(), &what);
}

/// Makes a sequence that the API server takes: partitions never shrink.
fn growing(mut specs: Vec<(Value, bool)>) -> Vec<(Value, bool)> {
    let mut partitions = 0;
    for (spec, _) in &mut specs {
        let asked = spec["kafka"]["topics"][0]["partitions"].as_i64().unwrap_or(0);
        partitions = partitions.max(asked);
        if partitions > 0 {
            spec["kafka"]["topics"] = json!([{"name": "posts-events", "partitions": partitions}]);
        }
    }
    specs
}

fn spec() -> impl Strategy<Value = Value> {
    let parts = (
        (service(), service(), service(), service()),
        prop_oneof![
            Just(json!({})),
            Just(json!({"traefik": {}})),
            Just(json!({"traefik": {"replicas": 2}})),
            Just(json!({"ingress": {"className": "nginx"}}))
        ],
        (weighted(0.3, 12_i32..20), select(vec!["128Mi", "256Mi"]), select(vec!["Enforced", "Disabled"])),
        (weighted(0.3, Just("mirror.example.org")), weighted(0.1, Just(true)), weighted(0.3, Just("7m"))),
        select(vec!["Retain", "Delete"]),
    );
    parts.prop_map(
        |(
            (auth, user, posts, feed),
            gateway,
            (partitions, memory, policy),
            (registry, suspended, ttl),
            kept,
        )| {
            let mut spec = spaces::spec();
            spec["services"] = json!({"auth": auth, "user": user, "posts": posts, "feed": feed});
            spec["gateway"] = gateway;
            spec["redis"]["managed"]["maxMemory"] = json!(memory);
            spec["security"] = json!({"networkPolicy": policy});
            spec["deletionPolicy"] = json!(kept);
            if let Some(partitions) = partitions {
                spec["kafka"]["topics"] = json!([{"name": "posts-events", "partitions": partitions}]);
            }
            if let Some(registry) = registry {
                spec["images"] = json!({"registry": registry});
            }
            if let Some(suspended) = suspended {
                spec["suspended"] = json!(suspended);
            }
            if let Some(ttl) = ttl {
                spec["auth"]["accessTokenTtl"] = json!(ttl);
            }
            spec
        },
    )
}

fn service() -> impl Strategy<Value = Value> {
    let parts = (
        weighted(0.3, 0_i32..4),
        weighted(0.2, 1_i32..3),
        weighted(0.3, select(vec!["debug", "info"])),
        weighted(0.3, select(vec!["50m", "200m"])),
        weighted(0.2, Just("disk")),
    );
    parts.prop_map(|(replicas, autoscaled, log, cpu, node)| {
        let mut settings = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            value.map(|value| settings.insert(name.to_owned(), value));
        };
        set("replicas", replicas.map(Value::from));
        set("autoscaling", autoscaled.map(|least| json!({"minReplicas": least, "maxReplicas": 4})));
        set("env", log.map(|log| json!([{"name": "RUST_BACKTRACE", "value": log}])));
        set("resources", cpu.map(|cpu| json!({"requests": {"cpu": cpu}})));
        set("scheduling", node.map(|node| json!({"nodeSelector": {"kind": node}})));
        Value::Object(settings)
    })
}
