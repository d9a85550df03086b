//! A stack whose Postgres is run by CloudNativePG.

use serde_json::{Value, json};

use super::*;
use crate::stack::{component::Component, delegated::Told, validate};

fn stack(asked: &Value) -> ValidStack {
    let mut stack = fixtures::stack();
    stack.spec.postgres = serde_json::from_value(json!({"cloudNativePG": asked})).unwrap();
    validate::validate(&stack).unwrap()
}

fn own() -> ValidStack {
    stack(&json!({"cluster": {}}))
}

/// A picture in which everything but Postgres is there.
fn without_postgres(stack: &ValidStack) -> Observed {
    let mut observed = fixtures::with_secrets(stack);
    for component in [Component::Kafka, Component::Redis] {
        observed.stateful_sets.insert(stack.names.of(component), fixtures::running());
    }
    observed
}

/// A picture in which CloudNativePG has done all that the stack asks for.
fn delegated(stack: &ValidStack) -> Observed {
    let mut observed = without_postgres(stack);
    for id in plan(stack, &observed, &[]).delegated {
        observed.told.insert(id, Told { done: true, said: "done".into() });
    }
    for authority in given::made_by_others(stack) {
        let seen =
            GivenSeen { keys: ["ca.crt".to_owned()].into(), digest: "digest-of-ca".into(), port: None };
        observed.given.insert(authority, seen);
    }
    observed
}

fn find(children: &[Child], kind: Kind, start: &str) -> Child {
    let found = children.iter().find(|child| child.id().kind == kind && child.id().name.starts_with(start));
    found.unwrap_or_else(|| unreachable!("{start}")).clone()
}

#[test]
fn its_objects_look_like_their_goldens() {
    let stack = own();
    let children = plan(&stack, &delegated(&stack), &[]).children;
    golden!("cnpg-cluster", find(&children, Kind::Cluster, "demo-postgres"));
    golden!("cnpg-networkpolicy", find(&children, Kind::NetworkPolicy, "demo-postgres"));
    golden!("cnpg-networkpolicy-external", find(&children, Kind::NetworkPolicy, "demo-postgres-external"));
    golden!("cnpg-job-postgres-provision", find(&children, Kind::Job, "demo-postgres-provision"));
    let of_auth = |child: &&Child| {
        let id = child.id();
        matches!(id.kind, Kind::DatabaseRole | Kind::Database) && id.name.starts_with("demo-postgres-auth")
    };
    golden!("cnpg-roles-and-database", children.iter().filter(of_auth).collect::<Vec<_>>());
}

#[test]
fn a_cluster_is_what_the_spec_says_of_it() {
    let stack = stack(&json!({"cluster": {
        "instances": 2, "storage": {"size": "1Gi", "className": "fast"}, "synchronous": {},
        "parameters": {"shared_buffers": "64MB"}, "image": "registry.example.org/postgres:17",
        "resources": {"limits": {"memory": "2Gi"}},
        "scheduling": {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "high",
            "affinity": {"podAntiAffinity": {}}, "topologySpreadConstraints": []},
        "backup": {"plugin": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "store"}, "schedule": "0 3 * * *"},
    }}));
    let children = plan(&stack, &delegated(&stack), &[]).children;
    golden!("cnpg-cluster-full", find(&children, Kind::Cluster, "demo-postgres"));
    golden!("cnpg-scheduledbackup", find(&children, Kind::ScheduledBackup, "demo-postgres"));
}

#[test]
fn nothing_is_prepared_before_cloud_native_pg_has_done_what_it_is_asked_for() {
    let stack = own();
    let children = plan(&stack, &without_postgres(&stack), &[]).children;
    let has_job = |children: &[Child]| {
        children.iter().any(|child| child.id().name.starts_with("demo-postgres-provision-"))
    };
    assert!(children.iter().any(|child| child.id().kind == Kind::Cluster) && !has_job(&children));

    let observed = delegated(&stack);
    assert!(has_job(&plan(&stack, &observed, &[]).children));
    for id in plan(&stack, &observed, &[]).delegated {
        let mut undone = observed.clone();
        undone.told.insert(id.clone(), Told { done: false, said: "busy".into() });
        assert!(!has_job(&plan(&stack, &undone, &[]).children), "{id:?}");
    }
    let mut uncertified = observed;
    uncertified.given.clear();
    assert!(
        !has_job(&plan(&stack, &uncertified, &[]).children),
        "nobody could check the server's certificate"
    );
}

#[test]
fn a_cluster_that_is_there_gets_roles_and_databases_and_is_left_alone_otherwise() {
    let stack = stack(&json!({"clusterRef": {"name": "shared", "namePrefix": "community_"}}));
    let plan = plan(&stack, &delegated(&stack), &[]);
    assert!(plan.children.iter().all(|child| child.id().kind != Kind::Cluster));
    assert!(plan.expected.iter().all(|id| id.kind != Kind::Cluster && id.name != "shared"));
    let Child::Database(database) = find(&plan.children, Kind::Database, "demo-postgres-posts") else {
        unreachable!()
    };
    assert_eq!(
        (database.spec.name.as_str(), database.spec.cluster.name.as_str()),
        ("community_posts", "shared")
    );
}

#[test]
fn data_outlives_its_stack_unless_the_stack_says_otherwise() {
    let cluster = |stack: &ValidStack| {
        let Child::Cluster(cluster) =
            find(&plan(stack, &delegated(stack), &[]).children, Kind::Cluster, "demo")
        else {
            unreachable!()
        };
        cluster.metadata.owner_references.is_some()
    };
    let mut stack = own();
    assert!(!cluster(&stack));
    stack.deletion_policy = DeletionPolicy::Delete;
    assert!(cluster(&stack));
}

#[test]
fn a_cluster_that_was_made_anew_is_prepared_anew() {
    let stack = own();
    let mut observed = delegated(&stack);
    fixtures::complete_jobs(&stack, &mut observed);
    let done = plan(&stack, &observed, &[]).completed;
    observed.jobs.clear();
    assert!(plan(&stack, &observed, &done).postgres.is_done(), "remembered");
    observed.told.retain(|id, _| id.kind != Kind::Cluster);
    assert!(!plan(&stack, &observed, &done).postgres.is_done());
}
