//! A stack that is copied, and one that begins with a copy.

use serde_json::{Value, json};

use super::*;
use crate::stack::validate::ValidStack;

fn asked(field: &str, value: Value) -> ValidStack {
    let mut stack = serde_json::to_value(fixtures::stack()).unwrap();
    stack["spec"][field] = value;
    crate::stack::validate::validate(&serde_json::from_value(stack).unwrap()).unwrap()
}

fn bucket() -> Value {
    json!({"s3": {
        "endpoint": "https://s3.example.org:9000", "bucket": "copies", "prefix": "social",
        "secretRef": {"name": "s3"}, "caSecretRef": {"name": "s3-ca"}
    }})
}

fn copied(target: &Value) -> ValidStack {
    asked("backup", json!({"schedule": "0 3 * * *", "target": target, "keySecretRef": {"name": "copies"}}))
}

fn restored() -> ValidStack {
    let stack = json!({"name": "old", "namespace": "elsewhere"});
    asked("restore", json!({"source": bucket(), "stack": stack, "keySecretRef": {"name": "copies"}}))
}

/// What people have given.
fn given(observed: &mut Observed) {
    for (name, keys) in
        [("copies", &["key"][..]), ("s3", &["access-key-id", "secret-access-key"]), ("s3-ca", &["ca.crt"])]
    {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        observed.given.insert(name.into(), GivenSeen { keys, digest: "some".into(), ..GivenSeen::default() });
    }
}

fn child(plan: &Plan, kind: Kind, name: &str) -> Option<Child> {
    plan.children.iter().find(|child| child.id() == ChildId { kind, name: name.into() }).cloned()
}

fn jobs(plan: &Plan) -> Vec<String> {
    let jobs = fixtures::ids(&plan.children).into_iter().filter(|id| id.kind == Kind::Job);
    jobs.map(|id| id.name.rsplit_once('-').unwrap().0.to_owned()).collect()
}

#[test]
fn copies_are_kept_in_a_bucket_or_on_a_volume() {
    for (name, target) in [("bucket", bucket()), ("claim", json!({"claim": {"name": "copies"}}))] {
        let stack = copied(&target);
        let mut observed = fixtures::serving(&stack);
        given(&mut observed);
        let plan = plan(&stack, &observed, &[]);
        golden!(
            format!("cronjob-demo-backup-{name}"),
            child(&plan, Kind::CronJob, "demo-backup").expect("a CronJob")
        );
        let policy = child(&plan, Kind::NetworkPolicy, "demo-backup");
        assert_eq!(policy.is_some(), name == "bucket", "only a bucket is reached over the network");
        if let Some(policy) = policy {
            golden!("networkpolicy-demo-backup", policy);
            golden!(
                "networkpolicy-demo-postgres-with-copies",
                child(&plan, Kind::NetworkPolicy, "demo-postgres")
            );
        }
    }
}

#[test]
fn no_copy_is_made_before_there_is_something_to_copy() {
    let stack = copied(&bucket());
    let mut observed = fixtures::with_dependencies(&stack);
    given(&mut observed);
    let cron_job = |observed: &Observed| child(&plan(&stack, observed, &[]), Kind::CronJob, "demo-backup");
    assert_eq!(cron_job(&observed), None);
    fixtures::complete_jobs(&stack, &mut observed);
    assert_eq!(cron_job(&observed), None, "nothing is migrated");
    fixtures::complete_jobs(&stack, &mut observed);
    assert!(cron_job(&observed).is_some());

    observed.given.clear();
    let plan = plan(&stack, &observed, &[]);
    assert_eq!(plan.missing.len(), 3, "{:?}", plan.missing);
    assert!(plan.held.is_empty(), "services don't wait for what copies need");
}

#[test]
fn a_stack_that_begins_with_a_copy_takes_its_keys_and_its_data_before_it_migrates_and_tells_others_then() {
    let stack = restored();
    let mut observed = fixtures::with_dependencies(&stack);
    given(&mut observed);
    let keys = RESTORED_KEYS.map(|key| stack.names.child(key));
    observed.secrets.retain(|name, _| !keys.contains(name));

    // The keys, and nothing that would need them.
    let first = plan(&stack, &observed, &[]);
    assert_eq!(jobs(&first), ["demo-restore-keys"]);
    golden!("job-restore-keys", first.children.iter().find(|child| child.id().kind == Kind::Job));
    let waiting =
        |plan: &Plan| plan.secrets.iter().filter(|secret| secret.origin == Origin::Copy(None)).count();
    assert_eq!(waiting(&first), 2);
    fixtures::complete_jobs(&stack, &mut observed);
    observed.seal = Some("sealed".into());
    let second = plan(&stack, &observed, &[]);
    assert_eq!((waiting(&second), jobs(&second)), (0, vec![]));
    let from_copy = second.secrets.iter().filter_map(|secret| match &secret.origin {
        Origin::Copy(Some(restored)) => Some((restored.name.as_str(), restored.seal.as_str())),
        _ => None,
    });
    assert_eq!(
        from_copy.collect::<Vec<_>>(),
        [("auth-signing-keys", "sealed"), ("auth-session-key", "sealed")]
    );

    // The databases, and only then what changes them.
    observed.secrets = fixtures::with_secrets(&stack).secrets;
    observed.seal = None;
    let mut order = Vec::new();
    let mut last = plan(&stack, &observed, &[]);
    while !jobs(&last).is_empty() {
        for child in &last.children {
            if let Child::Job(job) = child
                && ["restore", "republish"].iter().any(|part| child.id().name.contains(part))
            {
                let name = child.id().name.rsplit_once('-').unwrap().0.replace("demo-", "");
                golden!(format!("job-{name}"), job);
            }
        }
        order.push(jobs(&last));
        assert!(last.held.contains(&Service::Auth));
        fixtures::complete_jobs(&stack, &mut observed);
        last = plan(&stack, &observed, &[]);
    }
    assert_eq!(
        order,
        [
            vec!["demo-postgres-provision", "demo-kafka-provision"],
            vec!["demo-restore"],
            vec!["demo-auth-migrate", "demo-user-migrate", "demo-posts-migrate"],
            vec!["demo-auth-republish", "demo-user-republish"],
        ]
    );
    assert!(last.held.is_empty());
    assert_eq!(last.restore.map(|restore| restore.data), Some(Step::Done));
}

#[test]
fn what_was_brought_back_once_is_not_again_whatever_changes() {
    let stack = restored();
    let mut observed = fixtures::serving(&stack);
    given(&mut observed);
    for _ in 0..2 {
        fixtures::complete_jobs(&stack, &mut observed);
    }
    let completed = plan(&stack, &observed, &[]).completed;
    observed.jobs.clear();
    observed.given.clear();
    let mut newer = stack.clone();
    newer.images.backup = "example.org/backup:2".into();
    newer.images.postgres = "example.org/postgres:2".into();
    let plan = plan(&newer, &observed, &completed);
    assert!(!jobs(&plan).iter().any(|job| job.contains("restore")), "{:?}", jobs(&plan));
    let restore = plan.restore.unwrap();
    assert_eq!((restore.keys, restore.data), (Step::Done, Step::Done));
}

#[test]
fn keys_that_are_there_are_kept() {
    let stack = restored();
    let plan = plan(&stack, &fixtures::with_secrets(&stack), &[]);
    assert!(plan.secrets.iter().all(|secret| secret.origin == Origin::New));
}
