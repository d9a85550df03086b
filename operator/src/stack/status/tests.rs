//! What is told in which state, and that it is told the same way twice.

mod jobs;

use proptest::prelude::*;

use super::*;
use crate::{
    api::v1alpha1::{TrackloreStack, TrackloreStackStatus},
    stack::{
        apply::Obstacle,
        build,
        delegated::Told,
        fixtures,
        given::GivenSeen,
        logins::{Login, Turn},
        observed::{ChildId, Copies, JobState, Kind, Workload},
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn status_of(
    observed: &Observed,
    outcome: &Outcome,
    before: Option<&TrackloreStackStatus>,
    now: i64,
) -> TrackloreStackStatus {
    let stack = fixtures::valid();
    let completed = before.map_or(&[][..], |status| &status.completed_jobs);
    let plan = build::plan(&stack, observed, completed);
    settled(before, Some(1), &stack, &plan, observed, outcome, at(now))
}

fn told(status: &TrackloreStackStatus, kind: &str) -> (String, String) {
    let condition = status.conditions.iter().find(|condition| condition.type_ == kind).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_new_stack_progresses_and_is_not_ready() {
    let status =
        status_of(&Observed::default(), &Outcome { secrets_made: true, ..Outcome::default() }, None, 0);
    assert_eq!(told(&status, "Ready"), pair("False", "PostgresNotReady"));
    assert_eq!(told(&status, "Progressing"), pair("True", "Creating"));
    assert_eq!(told(&status, "Degraded"), pair("False", "AsExpected"));
    assert_eq!(status.version, None);
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(1)));
}

#[test]
fn a_serving_stack_is_ready_and_settled() {
    let status = status_of(&fixtures::serving(&fixtures::valid()), &Outcome::default(), None, 0);
    for kind in ["Ready", "PostgresReady", "KafkaReady", "RedisReady", "MigrationsComplete", "GatewayReady"] {
        assert_eq!(told(&status, kind).0, "True", "{kind}");
    }
    for kind in ["Progressing", "Degraded", "Stalled"] {
        assert_eq!(told(&status, kind).0, "False", "{kind}");
    }
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
}

#[test]
fn logins_that_are_replaced_are_told_and_the_stack_serves_on() {
    let mut observed = fixtures::serving(&fixtures::valid());
    let login = |turn| Login { turn, made: at(0), digest: String::new() };
    let seen = observed.secrets.get_mut("demo-postgres-auth").unwrap();
    seen.logins = vec![login(Turn::First), login(Turn::Second)];
    let status = status_of(&observed, &Outcome::default(), None, 0);
    assert_eq!(told(&status, "Progressing"), pair("True", "Rotating"));
    assert_eq!(told(&status, "Ready"), pair("True", "Serving"));
}

#[test]
fn copies_that_fail_are_told_until_one_is_kept_again() {
    let mut asked = fixtures::stack();
    let backup = serde_json::json!({
        "schedule": "0 3 * * *", "target": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "copies"}
    });
    asked.spec.backup = serde_json::from_value(backup).unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let key = GivenSeen { keys: ["key".to_owned()].into(), digest: "some".into(), ..GivenSeen::default() };
    observed.given.insert("copies".into(), key);
    let mut before = None;
    let mut told_at = |due: Option<i64>, kept: Option<i64>, running: bool| {
        observed.copies = Some(Copies { due: due.map(at), kept: kept.map(at), running });
        let plan = build::plan(&stack, &observed, &[]);
        let outcome = Outcome::default();
        let status = settled(before.as_ref(), Some(1), &stack, &plan, &observed, &outcome, at(0));
        let condition = told(&status, "BackupReady");
        before = Some(status);
        condition
    };
    assert_eq!(told_at(None, None, false), pair("True", "NoCopyYet"));
    assert_eq!(told_at(Some(10), None, true), pair("True", "NoCopyYet"));
    assert_eq!(told_at(Some(10), None, false), pair("False", "CopyFailed"));
    assert_eq!(told_at(Some(20), None, true), pair("False", "CopyFailed"));
    assert_eq!(told_at(Some(20), Some(21), false), pair("True", "CopyKept"));
    assert_eq!(told_at(Some(30), Some(21), true), pair("True", "CopyKept"));
    assert_eq!(told_at(Some(30), Some(21), false), pair("False", "CopyFailed"));
    // One made by hand.
    assert_eq!(told_at(Some(30), Some(35), false), pair("True", "CopyKept"));
}

#[test]
fn a_workload_whose_newest_spec_was_not_seen_yet_is_not_settled() {
    let outcome = Outcome { behind: ["demo-feed".to_owned()].into(), ..Outcome::default() };
    let status = status_of(&fixtures::serving(&fixtures::valid()), &outcome, None, 0);
    assert_eq!(told(&status, "Progressing"), pair("True", "RollingOut"));
    assert_eq!((told(&status, "Ready").0.as_str(), status.version), ("True", None));
}

fn status_with(change: impl FnOnce(&mut TrackloreStack), observed: &Observed) -> TrackloreStackStatus {
    let mut asked = fixtures::stack();
    change(&mut asked);
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let plan = build::plan(&stack, observed, &[]);
    settled(None, Some(1), &stack, &plan, observed, &Outcome::default(), at(0))
}

#[test]
fn a_paused_stack_says_so_and_what_it_sees() {
    let mut observed = fixtures::serving(&fixtures::valid());
    observed.deployments.get_mut("demo-feed").unwrap().ready = 0;
    let status = status_with(|stack| stack.spec.paused = true, &observed);
    assert_eq!(told(&status, "Progressing"), pair("False", "Paused"));
    assert_eq!(told(&status, "Ready"), pair("False", "ServiceNotReady"));
    assert_eq!(status.version, None, "what wasn't applied isn't said to run");
}

#[test]
fn a_suspended_stack_first_stops_and_then_rests_without_being_degraded() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let told_of = |observed: &Observed| {
        let status = status_with(|stack| stack.spec.suspended = true, observed);
        ["Ready", "Progressing", "Degraded", "GatewayReady", "PostgresReady"].map(|kind| told(&status, kind))
    };
    assert_eq!(told_of(&observed)[1], pair("True", "Suspending"));
    for workload in observed.deployments.values_mut() {
        (workload.desired, workload.ready) = (0, 0);
    }
    let suspended = pair("False", "Suspended");
    let told = told_of(&observed);
    assert_eq!([&told[0], &told[1], &told[3]], [&suspended; 3]);
    assert_eq!((&told[2], &told[4]), (&pair("False", "AsExpected"), &pair("True", "Ready")));
}

#[test]
fn a_dependency_that_falls_degrades_the_stack() {
    let mut observed = fixtures::serving(&fixtures::valid());
    observed.stateful_sets.get_mut("demo-kafka").unwrap().ready = 0;
    let status = status_of(&observed, &Outcome::default(), None, 0);
    assert_eq!(told(&status, "Degraded"), pair("True", "DependencyDown"));
    assert_eq!(told(&status, "Ready"), pair("False", "KafkaNotReady"));
}

#[test]
fn what_somebody_scaled_to_nothing_is_not_ready_and_what_the_spec_asks_for_is() {
    let nothing = Workload { rolled_out: true, ..Workload::default() };
    let mut observed = fixtures::serving(&fixtures::valid());
    observed.deployments.insert("demo-user".into(), nothing.clone());
    let ready = |replicas, observed: &Observed| {
        told(&status_with(|stack| stack.spec.services.user.replicas = replicas, observed), "Ready")
    };
    assert_eq!(ready(1, &observed), pair("False", "ServiceNotReady"));
    assert_eq!(ready(0, &observed), pair("True", "Serving"));

    observed.stateful_sets.insert("demo-kafka".into(), nothing);
    let status = status_with(|stack| stack.spec.paused = true, &observed);
    assert_eq!(told(&status, "KafkaReady"), pair("False", "NotReady"));
    assert_eq!(told(&status, "Degraded"), pair("True", "DependencyDown"));
    let mut kafka = status.conditions.iter().filter(|told| told.type_ == "KafkaReady");
    assert_eq!(kafka.next().unwrap().message, "StatefulSet demo-kafka is scaled to 0 pods");
}

#[test]
fn a_failed_migration_holds_and_says_where_to_look() {
    let stack = fixtures::valid();
    let mut observed = fixtures::with_dependencies(&stack);
    fixtures::complete_jobs(&stack, &mut observed);
    let job = build::plan(&stack, &observed, &[])
        .children
        .iter()
        .map(|child| child.id().name)
        .find(|name| name.starts_with("demo-auth-migrate"))
        .unwrap();
    observed.jobs.insert(job.clone(), JobState::Failed);
    let status = status_of(&observed, &Outcome::default(), None, 0);
    assert_eq!(told(&status, "MigrationsComplete"), pair("False", "MigrationFailed"));
    assert_eq!(told(&status, "Degraded"), pair("True", "MigrationFailed"));
    let degraded = status.conditions.iter().find(|condition| condition.type_ == "Degraded").unwrap();
    assert!(degraded.message.contains(&format!("kubectl logs -n demo job/{job}")));
}

#[test]
fn an_object_of_somebody_else_stalls_the_stack() {
    let outcome =
        Outcome { obstacles: vec![("Service/demo-auth".into(), Obstacle::Foreign)], ..Outcome::default() };
    let status = status_of(&fixtures::serving(&fixtures::valid()), &outcome, None, 0);
    assert_eq!(told(&status, "Stalled"), pair("True", "NameTaken"));
    assert_eq!(told(&status, "Ready"), pair("False", "NameTaken"));
}

#[test]
fn a_refused_stack_says_what_to_do_and_keeps_what_was_said_of_its_parts() {
    let before = status_of(&fixtures::serving(&fixtures::valid()), &Outcome::default(), None, 0);
    let refusal = Refusal(vec!["set spec.version to 0.1.0".into()]);
    let status = refused(Some(&before), Some(2), &refusal, at(9));
    assert_eq!(told(&status, "Stalled"), pair("True", "InvalidSpec"));
    assert_eq!(told(&status, "Ready"), pair("False", "InvalidSpec"));
    assert_eq!(told(&status, "PostgresReady"), pair("True", "Ready"));
    assert_eq!(status.completed_jobs, before.completed_jobs);
    assert_eq!(refused(Some(&status), Some(2), &refusal, at(99)), status);
}

#[test]
fn times_move_only_when_a_condition_flips() {
    let mut observed = fixtures::serving(&fixtures::valid());
    let first = status_of(&observed, &Outcome::default(), None, 0);
    observed.deployments.get_mut("demo-feed").unwrap().ready = 0;
    let second = status_of(&observed, &Outcome::default(), Some(&first), 60);
    let time = |status: &TrackloreStackStatus, kind: &str| {
        status.conditions.iter().find(|condition| condition.type_ == kind).unwrap().last_transition_time.0
    };
    assert_eq!(time(&second, "Ready"), at(60));
    assert_eq!(time(&second, "PostgresReady"), at(0));
}

fn workload() -> impl Strategy<Value = Workload> {
    (0..3, 0..3, any::<bool>(), proptest::option::of(Just("too slow".to_owned()))).prop_map(
        |(desired, ready, rolled_out, stuck)| Workload {
            desired,
            ready,
            rolled_out,
            stuck,
            image: None,
            storage: None,
        },
    )
}

fn picture() -> impl Strategy<Value = Observed> {
    let names = ["auth", "user", "posts", "feed", "gateway"];
    let sets = ["postgres", "kafka", "redis"];
    (
        proptest::collection::vec(proptest::option::of(workload()), names.len()),
        proptest::collection::vec(proptest::option::of(workload()), sets.len()),
        any::<bool>(),
        0..3,
    )
        .prop_map(move |(deployments, stateful_sets, secrets, jobs)| {
            let stack = fixtures::valid();
            let mut observed =
                if secrets { fixtures::with_dependencies(&stack) } else { Observed::default() };
            for _ in 0..jobs {
                fixtures::complete_jobs(&stack, &mut observed);
            }
            let keep = |names: &[&str], found: Vec<Option<Workload>>| {
                names.iter().zip(found).filter_map(|(name, w)| Some((format!("demo-{name}"), w?))).collect()
            };
            observed.deployments = keep(&names, deployments);
            observed.stateful_sets = keep(&sets, stateful_sets);
            observed
        })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let obstacle = prop_oneof![
        Just(Obstacle::Foreign),
        Just(Obstacle::Leaving),
        Just(Obstacle::Refused("quota exceeded".to_owned()))
    ];
    (proptest::collection::vec((Just("Service/demo-auth".to_owned()), obstacle), 0..3), any::<bool>())
        .prop_map(|(obstacles, secrets_made)| Outcome { obstacles, secrets_made, ..Outcome::default() })
}

proptest! {
    #[test]
    fn the_same_picture_gives_the_same_status_whenever_it_is_looked_at(picture in picture(), outcome in outcome()) {
        let first = status_of(&picture, &outcome, None, 0);
        let second = status_of(&picture, &outcome, Some(&first), 3600);
        prop_assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
    }

    #[test]
    fn every_condition_is_told_once_with_a_reason_and_a_sentence(picture in picture(), outcome in outcome()) {
        let status = status_of(&picture, &outcome, None, 0);
        let kinds: Vec<_> = status.conditions.iter().map(|condition| condition.type_.as_str()).collect();
        prop_assert_eq!(kinds, CONDITIONS);
        for condition in &status.conditions {
            prop_assert!(!condition.message.is_empty() && condition.message.len() < 1024);
            prop_assert!(condition.reason.chars().all(|c| c.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn a_stack_is_never_ready_while_a_component_serves_nobody(picture in picture()) {
        let status = status_of(&picture, &Outcome::default(), None, 0);
        let down = ["auth", "user", "posts", "feed", "gateway"].iter().any(|name| {
            picture.deployments.get(&format!("demo-{name}")).is_none_or(|workload| workload.ready == 0)
        });
        prop_assert!(!(down && told(&status, "Ready").0 == "True"));
    }
}

#[test]
fn routes_count_once_the_gateways_have_taken_them_and_are_remembered() {
    let mut asked = fixtures::stack();
    asked.spec.gateway =
        serde_json::from_value(serde_json::json!({"gatewayAPI": {"parentRefs": [{"name": "public"}]}}))
            .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let status = |observed: &Observed| {
        let plan = build::plan(&stack, observed, &[]);
        settled(None, Some(1), &stack, &plan, observed, &Outcome::default(), at(0))
    };
    let before = status(&observed);
    assert_eq!(told(&before, "GatewayReady"), pair("False", "RoutesNotAccepted"));
    assert_eq!(told(&before, "Ready"), pair("False", "GatewayNotReady"));
    let route = ChildId { kind: Kind::HTTPRoute, name: "demo-gateway".to_owned() };
    observed.told.insert(route, Told { done: true, said: "taken".to_owned() });
    let after = status(&observed);
    assert_eq!(told(&after, "GatewayReady"), pair("True", "RoutesAccepted"));
    assert_eq!(told(&after, "Ready"), pair("True", "Serving"));
    assert!(tells_of_routes(&before) && tells_of_routes(&after));
    assert!(!tells_of_routes(&status_of(
        &fixtures::serving(&fixtures::valid()),
        &Outcome::default(),
        None,
        0
    )));
}

#[test]
fn a_stack_that_begins_with_a_copy_says_what_it_waits_for() {
    let mut asked = fixtures::stack();
    asked.spec.restore = serde_json::from_value(serde_json::json!({
        "source": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "key"}
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let said = |observed: &Observed| {
        let plan = build::plan(&stack, observed, &[]);
        let status = settled(None, Some(1), &stack, &plan, observed, &Outcome::default(), at(0));
        (told(&status, "PostgresReady").1, told(&status, "Degraded").1, told(&status, "Stalled").1)
    };
    let expected = |postgres: &str, degraded: &str, stalled: &str| {
        (postgres.to_owned(), degraded.to_owned(), stalled.to_owned())
    };
    let mut observed = Observed::default();
    assert_eq!(said(&observed), expected("SecretMissing", "AsExpected", "SecretMissing"));
    let given = crate::stack::given::GivenSeen { keys: ["key".to_owned()].into(), ..Default::default() };
    observed.given.insert("key".into(), given);
    assert_eq!(said(&observed), expected("Restoring", "AsExpected", "Valid"));
    let job = build::plan(&stack, &observed, &[]).children.into_iter().map(|child| child.id());
    let job = job.filter(|id| id.kind == crate::stack::observed::Kind::Job).map(|id| id.name).next().unwrap();
    observed.jobs.insert(job, JobState::Failed);
    assert_eq!(said(&observed), expected("RestoreFailed", "RestoreFailed", "Valid"));
}
