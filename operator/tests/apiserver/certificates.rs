//! The stack's own certificates: renewed when somebody asks, made anew when they are lost, and always signed by the authority that
//! clients go by.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::Secret,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    stack::certificates::{self, Certificate},
};
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    settle::PATIENCE,
    spaces::{NAME, Space, spec},
};

impl Space {
    /// The certificates of the stack, by the rest of their Secret's name; none for one that can't be read.
    async fn certificates(&self) -> BTreeMap<String, Option<Certificate>> {
        let secrets = self.api::<Secret>().list(&ListParams::default()).await.unwrap();
        let named = |secret: Secret| {
            let name = secret.name_any().strip_prefix(&format!("{NAME}-"))?.to_owned();
            let is_one = name.ends_with("-tls") || name.starts_with("internal-ca");
            is_one.then(|| (name, certificates::seen(&secret)))
        };
        secrets.items.into_iter().filter_map(named).collect()
    }

    /// The same, as soon as there is one for each server, signed by the authority which clients know.
    async fn signed_by_one_authority(&self) -> BTreeMap<String, Certificate> {
        eventually_within(PATIENCE, "all is signed by one authority", async || {
            let all = self.certificates().await;
            let all: BTreeMap<_, _> = all.into_iter().filter_map(|(name, it)| Some((name, it?))).collect();
            let signs =
                all.get("internal-ca-key").filter(|authority| all.get("internal-ca") == Some(authority))?;
            for server in ["auth", "feed", "kafka", "postgres", "posts", "redis", "user"] {
                let certificate = all.get(&format!("{server}-tls"))?;
                let host = format!("{NAME}-{server}.{}.svc", self.name);
                let fits = certificate.signer == signs.key && certificate.hosts.contains(&host);
                fits.then_some(())?;
            }
            Some(all)
        })
        .await
    }

    /// How often what is asked for of workloads has changed.
    async fn changes(&self) -> BTreeMap<String, i64> {
        let deployments = self.api::<Deployment>().list(&ListParams::default()).await.unwrap();
        let sets = self.api::<StatefulSet>().list(&ListParams::default()).await.unwrap();
        let metas =
            deployments.into_iter().map(|it| it.metadata).chain(sets.into_iter().map(|it| it.metadata));
        metas.map(|meta| (meta.name.unwrap(), meta.generation.unwrap())).collect()
    }

    async fn put(&self, secret: &str, data: serde_json::Value) {
        let patch = Patch::Merge(json!({"stringData": data}));
        let name = format!("{NAME}-{secret}");
        self.api::<Secret>().patch(&name, &PatchParams::default(), &patch).await.unwrap();
    }
}

#[tokio::test]
async fn certificates_that_are_asked_for_are_renewed_once_and_only_kafka_starts_anew_for_them() {
    let space = Space::new("renewed").await;
    let mut spec = spec();
    space.apply(&spec).await;
    let operator = Operator::start(&space, Faults::none()).await;
    space.settled(&operator).await;
    let first = space.signed_by_one_authority().await;
    let before = space.changes().await;

    // certificates tell seconds only
    let made = first["kafka-tls"].made.as_second();
    eventually_within(PATIENCE, "another second has come", async || {
        (Timestamp::now().as_second() > made + 1).then_some(())
    })
    .await;
    spec["security"] = json!({"rotation": {"requestedAt": Timestamp::now().to_string()}});
    space.apply(&spec).await;
    space.settled(&operator).await;
    let second = space.signed_by_one_authority().await;
    for (name, certificate) in &second {
        assert_eq!(certificate.made > first[name].made, name.ends_with("-tls"), "{name}");
    }
    let after = space.changes().await;
    // services start anew for their other logins, which are rotated by the same word
    for server in ["kafka", "postgres", "redis", "gateway"] {
        let name = format!("{NAME}-{server}");
        assert_eq!(after[&name] - before[&name], i64::from(server == "kafka"), "{server}");
    }

    drop(operator);
    space.settle(Faults::none()).await;
    assert_eq!(space.signed_by_one_authority().await, second, "another operator finds nothing to do");
}

#[tokio::test]
async fn certificates_that_are_lost_or_spoilt_are_made_anew_and_so_is_all_when_the_authority_is_lost() {
    let space = Space::new("lost").await;
    space.apply(&spec()).await;
    space.settle(Faults::none()).await;
    let first = space.signed_by_one_authority().await;

    let secrets = space.api::<Secret>();
    secrets.delete(&format!("{NAME}-posts-tls"), &DeleteParams::default()).await.unwrap();
    space.put("redis-tls", json!({"tls.crt": "no certificate"})).await;
    // what is known of Secrets counts for minutes: another operator knows nothing
    let operator = Operator::start(&space, Faults::none()).await;
    let second = space.signed_by_one_authority().await;
    assert_eq!(second["internal-ca"], first["internal-ca"]);
    assert_eq!(second["auth-tls"], first["auth-tls"]);
    drop(operator);

    secrets.delete(&format!("{NAME}-internal-ca-key"), &DeleteParams::default()).await.unwrap();
    let _operator = Operator::start(&space, Faults::none()).await;
    let third = space.signed_by_one_authority().await;
    assert_ne!(third["internal-ca"].key, first["internal-ca"].key);
}

#[tokio::test]
async fn an_authority_that_can_sign_nothing_is_said_and_holds_up_nothing_else() {
    let space = Space::new("spoilt").await;
    space.apply(&spec()).await;
    space.settle(Faults::none()).await;
    let before = space.certificates().await;
    space.put("internal-ca-key", json!({"ca.key": "no key"})).await;

    let mut spec = spec();
    spec["services"]["feed"]["replicas"] = json!(2);
    space.apply(&spec).await;
    let _operator = Operator::start(&space, Faults::none()).await;
    let said = eventually_within(PATIENCE, "it is said", async || {
        let stack = space.api::<TrackloreStack>().get(NAME).await.unwrap();
        let conditions = stack.status?.conditions;
        let degraded = conditions.into_iter().find(|condition| condition.type_ == "Degraded")?;
        (degraded.reason == "Refused").then_some(degraded.message)
    })
    .await;
    let (which, what) =
        (format!("Secret/{NAME}-internal-ca-key"), "holds no key and certificate that could sign");
    assert!(said.contains(&which) && said.contains(what), "{said}");
    eventually_within(PATIENCE, "the feed is changed nevertheless", async || {
        let feed = space.api::<Deployment>().get(&format!("{NAME}-feed")).await.unwrap();
        (feed.spec?.replicas == Some(2)).then_some(())
    })
    .await;
    let mut after = space.certificates().await;
    assert_eq!(after.insert("internal-ca-key".into(), before["internal-ca-key"].clone()), Some(None));
    assert_eq!(after, before);
}
