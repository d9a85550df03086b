//! Stacks whose Postgres and Kafka other operators run. The kinds are theirs, as they publish them; what they do is only said.

use std::{collections::BTreeSet, time::Duration};

use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tracklore_operator::api::{
    cloud_native_pg::{Cluster, Database, DatabaseRole, ScheduledBackup},
    strimzi::{Kafka, KafkaTopic, KafkaUser},
};
use tracklore_testkit::eventually_within;

use crate::{
    crashes::{after_some_of, assert_nothing_made_twice},
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, spec},
};

const PATIENCE: Duration = Duration::from_mins(1);

/// A namespace with a Kafka that Strimzi runs.
async fn beside_a_kafka(purpose: &str) -> Space {
    let space = Space::new(purpose).await;
    let listener = json!({
        "name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "scram-sha-512"},
    });
    let kafka = json!({
        "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "events"},
        "spec": {
            "kafka": {"listeners": [listener], "authorization": {"type": "simple"}},
            "entityOperator": {"topicOperator": {}, "userOperator": {}},
        },
    });
    let params = PatchParams::apply("somebody");
    space.api::<Kafka>().patch("events", &params, &Patch::Apply(&kafka)).await.unwrap();
    space
}

/// All that can be asked of both.
fn delegated() -> Value {
    let mut spec = spec();
    spec["postgres"] = json!({"cloudNativePG": {"cluster": {
        "instances": 2, "storage": {"size": "1Gi", "className": "fast"}, "synchronous": {},
        "parameters": {"shared_buffers": "64MB"},
        "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "1Gi"}},
        "scheduling": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "data", "operator": "Exists"}]},
        "backup": {"plugin": "keeper.example.org", "parameters": {"store": "here"}, "schedule": "0 3 * * *"},
    }}});
    spec["kafka"] = json!({"strimzi": {"clusterRef": {"name": "events"}}});
    spec
}

#[tokio::test]
async fn what_others_run_is_asked_for_once_whenever_the_operator_dies() {
    let created = async |faults: Faults| {
        let space = beside_a_kafka("delegated").await;
        space.apply(&delegated()).await;
        space.settle_or_die(faults.clone()).await;
        let (picture, _) = space.settle(Faults::none()).await;
        assert_nothing_made_twice(&space);
        (picture, faults.writes())
    };
    let (undisturbed, writes) = created(Faults::none()).await;
    let count = |kind: &str| undisturbed.objects.keys().filter(|name| name.starts_with(kind)).count();
    let counts = ["Cluster/", "DatabaseRole/", "Database/", "ScheduledBackup/", "KafkaTopic/", "KafkaUser/"]
        .map(count);
    assert_eq!(counts, [1, 9, 3, 1, 10, 4]);
    after_some_of(writes, async |point| {
        let (healed, _) = created(Faults::death_after(point)).await;
        healed.assert_like(&undisturbed, &format!("dead after write {point} of the creation"));
    })
    .await;
}

#[tokio::test]
async fn users_of_what_others_run_take_turns_each_with_a_password_where_they_look_for_it() {
    let space = beside_a_kafka("taking-turns").await;
    space.apply(&delegated()).await;
    space.settle(Faults::none()).await;
    let operator = Operator::start(&space, Faults::none()).await;
    let mut passwords = BTreeSet::new();
    for turn in ["-2", "", "-2"] {
        space.ask_for_rotation(delegated()).await;
        space.settled(&operator).await;
        let other = if turn.is_empty() { "-2" } else { "" };
        for login in ["postgres-posts", "postgres-posts-migration"] {
            let role = async |turn: &str| {
                let role = space.api::<DatabaseRole>().get(&format!("{NAME}-{login}{turn}")).await.unwrap();
                (role.spec.login, role.spec.password_secret.map(|secret| secret.name))
            };
            assert_eq!(role(turn).await, (true, Some(format!("{NAME}-{login}{turn}"))));
            assert_eq!(role(other).await, (false, None), "nobody can log in as it");
            let (told, looked_for) =
                (space.content(login).await, space.content(&format!("{login}{turn}")).await);
            assert_eq!(told[&format!("password{turn}")], looked_for["password"]);
            assert!(passwords.insert(looked_for["password"].0.clone()), "another one each time");
        }
        let users = space.api::<KafkaUser>().list(&<_>::default()).await.unwrap();
        let may = users.iter().filter(|user| !user.spec.authorization.acls.is_empty());
        let names: BTreeSet<_> = may.map(ResourceExt::name_any).collect();
        let services = ["auth", "feed", "posts", "user"];
        assert_eq!(names, services.map(|service| format!("{NAME}-{service}{turn}")).into());
    }
    operator.stop().await;
}

#[tokio::test]
async fn what_somebody_changes_about_it_is_set_back_and_what_is_as_it_should_be_is_not_written() {
    let space = beside_a_kafka("drifting").await;
    space.apply(&delegated()).await;
    space.settle(Faults::none()).await;
    let versions = async || {
        let cluster = space.api::<Cluster>().get("demo-postgres").await.unwrap();
        let topic = space.api::<KafkaTopic>().get("demo-events-user-events").await.unwrap();
        (cluster.resource_version(), topic.resource_version())
    };
    let before = versions().await;

    // another operator that remembers nothing applies everything, which changes nothing
    let operator = Operator::start(&space, Faults::none()).await;
    space.settled(&operator).await;
    assert_eq!(versions().await, before);

    let databases = space.api::<Database>();
    let wrong = Patch::Merge(json!({"spec": {"owner": "somebody"}}));
    databases.patch("demo-postgres-auth", &PatchParams::default(), &wrong).await.unwrap();
    eventually_within(PATIENCE, "the owner is set back", async || {
        (databases.get("demo-postgres-auth").await.ok()?.spec.owner == "tracklore_auth_owner").then_some(())
    })
    .await;
    let roles = space.api::<DatabaseRole>();
    roles.delete("demo-postgres-posts", &DeleteParams::default()).await.unwrap();
    eventually_within(PATIENCE, "the role is asked for again", async || {
        roles.get_opt("demo-postgres-posts").await.ok()?.map(drop)
    })
    .await;

    let mut spec = delegated();
    spec["postgres"]["cloudNativePG"]["cluster"].as_object_mut().unwrap().remove("backup");
    space.apply(&spec).await;
    eventually_within(PATIENCE, "no copies are asked for any more", async || {
        space.api::<ScheduledBackup>().get_opt("demo-postgres").await.ok()?.is_none().then_some(())
    })
    .await;
    operator.stop().await;
}
