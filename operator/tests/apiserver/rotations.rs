//! Keys that sign tokens get successors: one each time, whenever the operator dies, and no pod starts anew for it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    ByteString,
    api::{apps::v1::Deployment, core::v1::Secret},
};
use kube::{
    ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::json;
use tracklore_operator::stack::rotation;

use crate::{
    crashes::{after_some_of, assert_nothing_made_twice},
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, spec},
};

impl Space {
    async fn signing_keys(&self) -> BTreeMap<String, ByteString> {
        let secret = self.api::<Secret>().get(&format!("{NAME}-auth-signing-keys")).await.unwrap();
        secret.data.unwrap_or_default()
    }

    /// Asks for successors of all that was made before now.
    async fn ask_for_rotation(&self) {
        let mut spec = spec();
        spec["security"] = json!({"rotation": {"requestedAt": Timestamp::now().to_string()}});
        self.apply(&spec).await;
    }

    /// How often what is asked for of each Deployment has changed.
    async fn generations(&self) -> BTreeMap<String, Option<i64>> {
        let deployments = self.api::<Deployment>().list(&ListParams::default()).await.unwrap();
        deployments.iter().map(|one| (one.name_any(), one.metadata.generation)).collect()
    }
}

#[tokio::test]
async fn keys_that_are_asked_to_get_one_successor_and_no_pod_notices() {
    let space = Space::new("rotated").await;
    space.apply(&spec()).await;
    let operator = Operator::start(&space.name, Faults::none()).await;
    space.settled(&operator).await;
    let (first, generations) = (space.signing_keys().await, space.generations().await);
    assert_eq!(first.len(), 1);

    space.ask_for_rotation().await;
    space.settled(&operator).await;
    let both = space.signing_keys().await;
    assert_eq!(both.len(), 2, "{:?}", both.keys());
    assert!(first.iter().all(|(file, key)| both.get(file) == Some(key)), "the first key is as it was");
    assert_eq!(space.generations().await, generations);

    drop(operator);
    space.settle(Faults::none()).await;
    assert_eq!(space.signing_keys().await, both, "another operator finds nothing to do");
}

#[tokio::test]
async fn a_rotation_is_the_same_whenever_the_operator_dies() {
    let rotated = async |faults: Faults| {
        let space = Space::new("crash-rotated").await;
        space.apply(&spec()).await;
        space.settle(Faults::none()).await;
        space.ask_for_rotation().await;
        space.settle_or_die(faults.clone()).await;
        let (picture, _) = space.settle(Faults::none()).await;
        assert_eq!(space.signing_keys().await.len(), 2);
        assert_nothing_made_twice(&space.name);
        (picture, faults.writes())
    };
    let (undisturbed, writes) = rotated(Faults::none()).await;
    assert!(writes > 0, "the rotation isn't seen");
    after_some_of(writes, async |point| {
        let (healed, _) = rotated(Faults::death_after(point)).await;
        healed.assert_like(&undisturbed, &format!("dead after write {point} of the rotation"));
    })
    .await;
}

#[tokio::test]
async fn keys_too_old_get_a_successor_and_those_that_sign_no_more_go() {
    let space = Space::new("aged").await;
    let days_ago = |days: i64| rotation::file(Timestamp::now() - SignedDuration::from_hours(24 * days));
    let (gone, signing) = (days_ago(200), days_ago(100));
    // as an earlier stack of this name has left them
    let left = json!({
        "metadata": {"name": format!("{NAME}-auth-signing-keys"), "labels": {
            "app.kubernetes.io/managed-by": "tracklore-operator", "app.kubernetes.io/instance": NAME
        }},
        "stringData": {gone.as_str(): "old", signing.as_str(): "signs", "mine.pem": "a person's"},
    });
    space
        .api::<Secret>()
        .create(&PostParams::default(), &serde_json::from_value(left).unwrap())
        .await
        .unwrap();
    space.apply(&spec()).await;
    space.settle(Faults::none()).await;

    let mut keys = space.signing_keys().await;
    assert_eq!(keys.remove("mine.pem").unwrap().0, b"a person's");
    assert_eq!(keys.remove(&signing).unwrap().0, b"signs");
    assert!(!keys.contains_key(&gone));
    assert_eq!(keys.len(), 1, "{:?}", keys.keys());
}
