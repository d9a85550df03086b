//! What is rotated gets one successor each time, whenever the operator dies. Keys that sign tokens do so without a pod that starts
//! anew, logins with one new start of those that use them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    ByteString,
    api::{apps::v1::Deployment, core::v1::Secret},
};
use kube::{
    ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};
use tracklore_operator::stack::rotation;

use crate::{
    crashes::{after_some_of, assert_nothing_made_twice},
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, spec},
};

/// What a Secret holds.
pub type Content = BTreeMap<String, ByteString>;

impl Space {
    pub async fn content(&self, secret: &str) -> Content {
        let secret = self.api::<Secret>().get(&format!("{NAME}-{secret}")).await.unwrap();
        secret.data.unwrap_or_default()
    }

    async fn signing_keys(&self) -> Content {
        self.content("auth-signing-keys").await
    }

    /// The logins of services, by name of their Secret.
    async fn logins(&self) -> BTreeMap<String, Content> {
        let mut names = vec!["redis-feed".to_owned(), "kafka-feed".to_owned()];
        for service in ["auth", "user", "posts"] {
            names.extend(["postgres-", "kafka-"].map(|server| format!("{server}{service}")));
            names.push(format!("postgres-{service}-migration"));
        }
        let mut logins = BTreeMap::new();
        for name in names {
            logins.insert(name.clone(), self.content(&name).await);
        }
        logins
    }

    /// Asks for successors of all that was made before now, beside what is asked for already.
    pub async fn ask_for_rotation(&self, mut spec: Value) {
        spec["security"] = json!({"rotation": {"requestedAt": Timestamp::now().to_string()}});
        self.apply(&spec).await;
    }

    /// How often what is asked for of each Deployment has changed.
    async fn generations(&self) -> BTreeMap<String, i64> {
        let deployments = self.api::<Deployment>().list(&ListParams::default()).await.unwrap();
        deployments.iter().map(|one| (one.name_any(), one.metadata.generation.unwrap())).collect()
    }

    /// The keys of logins that pods are told of.
    async fn keys_told(&self) -> BTreeSet<String> {
        let deployments = self.api::<Deployment>().list(&ListParams::default()).await.unwrap();
        let mut keys = BTreeSet::new();
        collect(&json!(deployments.items), &mut keys);
        keys
    }
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    let reference = &value["secretKeyRef"];
    let servers = ["-postgres-", "-kafka-", "-redis-"];
    if reference["name"].as_str().is_some_and(|name| servers.iter().any(|server| name.contains(server))) {
        keys.insert(reference["key"].as_str().unwrap().to_owned());
    }
    let members = value.as_object().into_iter().flat_map(|object| object.values());
    members.chain(value.as_array().into_iter().flatten()).for_each(|value| collect(value, keys));
}

fn names(content: &Content) -> Vec<&str> {
    content.keys().map(String::as_str).collect()
}

/// Asserts that a Secret holds one login, of the second user or the first that had a successor.
fn assert_one_login(name: &str, content: &Content, suffix: &str) {
    let mut parts = vec!["made", "password", "uri", "username"];
    parts.retain(|part| *part != "uri" || !name.starts_with("kafka-"));
    assert_eq!(
        names(content),
        parts.iter().map(|part| format!("{part}{suffix}")).collect::<Vec<_>>(),
        "{name}"
    );
}

#[tokio::test]
async fn keys_that_are_asked_to_get_one_successor_and_pods_start_anew_for_their_logins_alone() {
    let space = Space::new("rotated").await;
    space.apply(&spec()).await;
    let operator = Operator::start(&space, Faults::none()).await;
    space.settled(&operator).await;
    let (first, generations) = (space.signing_keys().await, space.generations().await);
    assert_eq!(first.len(), 1);

    space.ask_for_rotation(spec()).await;
    space.settled(&operator).await;
    let both = space.signing_keys().await;
    assert_eq!(both.len(), 2, "{:?}", both.keys());
    assert!(first.iter().all(|(file, key)| both.get(file) == Some(key)), "the first key is as it was");
    let again = space.generations().await;
    let news = generations.into_iter().map(|(name, generation)| {
        let more = again[&name] - generation;
        (name, more)
    });
    let expected = [("auth", 1), ("feed", 1), ("gateway", 0), ("posts", 1), ("user", 1)];
    assert_eq!(news.collect::<Vec<_>>(), expected.map(|(name, more)| (format!("{NAME}-{name}"), more)));

    drop(operator);
    let logins = space.logins().await;
    space.settle(Faults::none()).await;
    assert_eq!(space.signing_keys().await, both, "another operator finds nothing to do");
    assert_eq!(space.logins().await, logins);
}

#[tokio::test]
async fn logins_take_turns_and_the_one_before_goes_when_no_pod_uses_it() {
    let space = Space::new("logins").await;
    space.apply(&spec()).await;
    let operator = Operator::start(&space, Faults::none()).await;
    space.settled(&operator).await;
    let first = space.logins().await;
    assert!(first.values().flat_map(names).all(|key| ["password", "uri", "username"].contains(&key)));

    space.ask_for_rotation(spec()).await;
    space.settled(&operator).await;
    let second = space.logins().await;
    for (name, login) in &second {
        assert_one_login(name, login, "-2");
        let joint = if name.starts_with("postgres-") { '_' } else { '-' };
        let user = format!("{}{joint}2", String::from_utf8_lossy(&first[name]["username"].0));
        assert_eq!(login["username-2"].0, user.as_bytes());
        assert_ne!(login["password-2"], first[name]["password"]);
    }
    assert_eq!(space.keys_told().await, ["password-2", "username-2"].map(str::to_owned).into());
    assert_nothing_made_twice(&space);

    space.ask_for_rotation(spec()).await;
    space.settled(&operator).await;
    for (name, login) in space.logins().await {
        assert_one_login(&name, &login, "");
        assert_eq!(login["username"], first[&name]["username"]);
        assert!(![&first[&name]["password"], &second[&name]["password-2"]].contains(&&login["password"]));
    }
    assert_eq!(space.keys_told().await, ["password", "username"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_rotation_is_the_same_whenever_the_operator_dies() {
    let rotated = async |faults: Faults| {
        let space = Space::new("crash-rotated").await;
        space.apply(&spec()).await;
        space.settle(Faults::none()).await;
        let first = space.logins().await;
        space.ask_for_rotation(spec()).await;
        space.settle_or_die(faults.clone()).await;
        let (picture, _) = space.settle(Faults::none()).await;
        assert_eq!(space.signing_keys().await.len(), 2);
        for (name, login) in space.logins().await {
            assert_one_login(&name, &login, "-2");
            assert_ne!(login["password-2"], first[&name]["password"]);
        }
        assert_nothing_made_twice(&space);
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
