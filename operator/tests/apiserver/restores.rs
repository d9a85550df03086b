//! A stack begins with a copy: its keys are those that were sealed, whenever the operator dies, and no others where the seal doesn't
//! open.

use std::{collections::BTreeMap, sync::LazyLock};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::PostParams;
use serde_json::{Value, json};
use tracklore_operator::api::v1alpha1::TrackloreStack;
use tracklore_seal::Secrets;
use tracklore_testkit::eventually_within;

use crate::{
    crashes::{after_some_of, assert_nothing_made_twice},
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, spec},
};

const KEY: &str = "a key of more than thirty-two bytes, of course";
const SESSION: &str = "c2l4dGVlbiBieXRlcyBvZiBhbiBvbGQgc2Vzc2lvbiE=";
const SIGNING: &str = "20260101000000.pem";

/// The same for all: pictures show it, and no two seals are alike.
static SEAL: LazyLock<String> = LazyLock::new(|| {
    let texts = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
    let secrets = Secrets(BTreeMap::from([
        ("auth-session-key".to_owned(), texts("session-key", SESSION)),
        ("auth-signing-keys".to_owned(), texts(SIGNING, "an old key")),
    ]));
    secrets.seal(KEY).unwrap()
});

fn restored() -> Value {
    let mut spec = spec();
    spec["restore"] = json!({"source": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "copies"}});
    spec
}

impl Space {
    /// What people and a copy bring.
    async fn with_copy(self, key: &str) -> Self {
        let words = json!({"metadata": {"name": "last-words"}, "data": {"restore-keys": *SEAL}});
        let words: ConfigMap = serde_json::from_value(words).unwrap();
        self.api().create(&PostParams::default(), &words).await.unwrap();
        let secret = json!({"metadata": {"name": "copies"}, "stringData": {"key": key}});
        let secret: Secret = serde_json::from_value(secret).unwrap();
        self.api().create(&PostParams::default(), &secret).await.unwrap();
        self
    }

    async fn text(&self, secret: &str, key: &str) -> Option<String> {
        let secret = self.api::<Secret>().get_opt(&format!("{NAME}-{secret}")).await.unwrap()?;
        secret.data?.remove(key).map(|text| String::from_utf8(text.0).unwrap())
    }

    async fn assert_keys_of_the_copy(&self) {
        assert_eq!(self.text("auth-session-key", "session-key").await.as_deref(), Some(SESSION));
        assert_eq!(self.text("auth-signing-keys", SIGNING).await.as_deref(), Some("an old key"));
    }
}

#[tokio::test]
async fn the_keys_are_those_of_the_copy_whenever_the_operator_dies() {
    let restore = async |faults: Faults| {
        let space = Space::new("restored").await.with_copy(KEY).await;
        space.apply(&restored()).await;
        space.settle_or_die(faults.clone()).await;
        let (picture, _) = space.settle(Faults::none()).await;
        space.assert_keys_of_the_copy().await;
        assert_nothing_made_twice(&space);
        (picture, faults.writes())
    };
    let (undisturbed, writes) = restore(Faults::none()).await;
    after_some_of(writes, async |point| {
        let (healed, _) = restore(Faults::death_after(point)).await;
        healed.assert_like(&undisturbed, &format!("dead after write {point} of the restore"));
    })
    .await;
}

#[tokio::test]
async fn a_seal_that_does_not_open_is_told_and_no_other_keys_are_made() {
    let space = Space::new("sealed").await.with_copy(&KEY.replace('a', "b")).await;
    space.apply(&restored()).await;
    let _operator = Operator::start(&space, Faults::none()).await;
    let sentence = eventually_within(std::time::Duration::from_mins(2), "the operator refuses", async || {
        let stack = space.api::<TrackloreStack>().get(NAME).await.ok()?;
        let mut conditions = stack.status?.conditions.into_iter();
        conditions.find(|told| told.type_ == "Degraded" && told.reason == "Refused").map(|told| told.message)
    })
    .await;
    assert!(
        sentence.contains("restore.keySecretRef names Secret copies: the seal doesn't open"),
        "{sentence}"
    );
    assert_eq!(space.text("auth-session-key", "session-key").await, None);
}
