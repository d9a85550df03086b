//! A stack whose Postgres is run by CloudNativePG.

use serde_json::{Value, json};

use super::*;
use crate::stack::{
    delegated::Told,
    fixtures::find,
    logins::{Login, Turn},
    validate,
};

fn stack(asked: &Value) -> ValidStack {
    let mut stack = fixtures::stack();
    stack.spec.postgres = serde_json::from_value(json!({"cloudNativePG": asked})).unwrap();
    validate::validate(&stack).unwrap()
}

fn own() -> ValidStack {
    stack(&json!({"cluster": {}}))
}

#[test]
fn its_objects_look_like_their_goldens() {
    let stack = own();
    let children = plan(&stack, &fixtures::with_delegated(&stack), &[]).children;
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
            "affinity": {"podAntiAffinity": {}}, "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]},
        "backup": {"plugin": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "store"}, "schedule": "0 3 * * *"},
    }}));
    let children = plan(&stack, &fixtures::with_delegated(&stack), &[]).children;
    golden!("cnpg-cluster-full", find(&children, Kind::Cluster, "demo-postgres"));
    golden!("cnpg-scheduledbackup", find(&children, Kind::ScheduledBackup, "demo-postgres"));
}

#[test]
fn nothing_is_prepared_before_cloud_native_pg_has_done_what_it_is_asked_for() {
    let stack = own();
    let children = plan(&stack, &fixtures::with_secrets(&stack), &[]).children;
    let has_job = |children: &[Child]| {
        children.iter().any(|child| child.id().name.starts_with("demo-postgres-provision-"))
    };
    assert!(children.iter().any(|child| child.id().kind == Kind::Cluster) && !has_job(&children));

    let observed = fixtures::with_delegated(&stack);
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
    let plan = plan(&stack, &fixtures::with_delegated(&stack), &[]);
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
fn a_role_for_each_login_and_one_whose_turn_is_over_lets_nobody_in() {
    let stack = own();
    let mut observed = fixtures::with_delegated(&stack);
    let roles = |observed: &Observed| {
        let plan = plan(&stack, observed, &[]);
        let role = |child: Child| match child {
            Child::DatabaseRole(role) => {
                Some((role.spec.name, role.spec.password_secret.map(|secret| secret.name)))
            }
            _ => None,
        };
        let of_posts = plan
            .children
            .into_iter()
            .filter_map(role)
            .filter(|(name, _)| name.starts_with("tracklore_posts"));
        of_posts.map(|(name, secret)| format!("{name} {}", secret.unwrap_or_default())).collect::<Vec<_>>()
    };
    let owner = "tracklore_posts_owner ";
    let first =
        ["tracklore_posts demo-postgres-posts", "tracklore_posts_migration demo-postgres-posts-migration"];
    assert_eq!(roles(&observed), [owner, first[0], first[1]]);

    let login = |turn| Login { turn, made: jiff::Timestamp::UNIX_EPOCH, digest: String::new() };
    let hold = |observed: &mut Observed, turns: &[Turn]| {
        for secret in ["demo-postgres-posts", "demo-postgres-posts-migration"] {
            observed.secrets.get_mut(secret).unwrap().logins = turns.iter().copied().map(login).collect();
        }
        roles(observed)
    };
    assert_eq!(hold(&mut observed, &[Turn::First]), [owner, first[0], first[1]]);
    let second = first.map(|role| {
        let (name, secret) = role.split_once(' ').unwrap();
        format!("{name}_2 {secret}-2")
    });
    assert_eq!(
        hold(&mut observed, &[Turn::First, Turn::Second]),
        [owner, first[0], &second[0], first[1], &second[1]]
    );
    for name in ["demo-postgres-posts-2", "demo-postgres-posts-migration-2"] {
        observed.seen.insert(ChildId { kind: Kind::DatabaseRole, name: name.into() }, fixtures::ours());
    }
    let closed = ["tracklore_posts ", "tracklore_posts_migration "];
    assert_eq!(hold(&mut observed, &[Turn::Second]), [owner, closed[0], &second[0], closed[1], &second[1]]);
    let closed = ["tracklore_posts_2 ", "tracklore_posts_migration_2 "];
    assert_eq!(hold(&mut observed, &[Turn::First]), [owner, first[0], closed[0], first[1], closed[1]]);
}

#[test]
fn data_outlives_its_stack_unless_the_stack_says_otherwise() {
    let cluster = |stack: &ValidStack| {
        let Child::Cluster(cluster) =
            find(&plan(stack, &fixtures::with_delegated(stack), &[]).children, Kind::Cluster, "demo")
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
    let mut observed = fixtures::with_delegated(&stack);
    let id = ChildId { kind: Kind::Cluster, name: "demo-postgres".into() };
    observed.seen.insert(id.clone(), fixtures::ours());
    fixtures::complete_jobs(&stack, &mut observed);
    let done = plan(&stack, &observed, &[]).completed;
    assert!(plan(&stack, &observed, &done).postgres.is_done());
    observed.seen.insert(id, Seen { uid: "another".into(), ..fixtures::ours() });
    assert!(!plan(&stack, &observed, &done).postgres.is_done(), "though the Job of the one before is there");
}
