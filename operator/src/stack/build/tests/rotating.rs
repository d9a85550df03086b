//! Logins that are replaced: what refers to which of them, and how far it may go.

use super::*;
use crate::stack::logins::{Login, Turn};

/// Lets the Secrets of all roles hold these logins, the newest last.
fn hold(observed: &mut Observed, stack: &ValidStack, turns: &[Turn]) {
    let replaced = plan(stack, observed, &[]).secrets.into_iter().filter(|it| it.replacement.is_some());
    for secret in replaced {
        let seen = observed.secrets.get_mut(&secret.name).unwrap();
        let login = |(made, turn): (i64, &Turn)| Login {
            turn: *turn,
            made: jiff::Timestamp::from_second(made).unwrap(),
            digest: format!("{turn:?} of {}", secret.name),
        };
        seen.logins = (0..).zip(turns).map(login).collect();
        seen.digest = format!("{turns:?} of {}", secret.name);
    }
}

/// The keys of the logins that a child's pods are told of.
fn keys(child: &Child) -> BTreeSet<String> {
    let text = serde_json::to_string(child).unwrap();
    let named = text.split("\"secretKeyRef\":{\"key\":\"").skip(1);
    let references = named.filter_map(|rest| rest.split_once('}').map(|(reference, _)| reference));
    let replaced = |name: &str| {
        ["postgres-", "kafka-", "redis-feed"].iter().any(|start| name.contains(&format!("demo-{start}")))
            && !["superuser", "admin", "cluster"].iter().any(|other| name.contains(other))
    };
    references
        .filter(|it| replaced(it))
        .filter_map(|reference| Some(reference.split_once('"')?.0.to_owned()))
        .collect()
}

fn told(plan: &Plan, kind: Kind) -> Vec<(String, Vec<String>)> {
    let children = plan.children.iter().filter(|child| child.id().kind == kind);
    let told = children.map(|child| {
        let name = child.id().name;
        let name = if kind == Kind::Job { name.rsplit_once('-').unwrap().0.to_owned() } else { name };
        (name, keys(child).into_iter().collect::<Vec<_>>())
    });
    told.filter(|(_, keys)| !keys.is_empty()).collect()
}

fn each<const N: usize>(names: [&str; N], turn: Turn) -> Vec<(String, Vec<String>)> {
    names.map(|name| (name.to_owned(), ["password", "username"].map(|part| turn.name(part)).into())).into()
}

fn allowed(plan: &Plan) -> BTreeSet<(bool, bool)> {
    let replaced = plan.secrets.iter().filter_map(|secret| secret.replacement.as_ref());
    replaced.map(|it| (it.may_begin, it.may_end)).collect()
}

const SERVICES: [&str; 4] = ["demo-auth", "demo-user", "demo-posts", "demo-feed"];
const MIGRATIONS: [&str; 3] = ["demo-auth-migrate", "demo-user-migrate", "demo-posts-migrate"];

#[test]
fn servers_know_the_next_login_before_pods_do_and_the_one_before_until_none_uses_it() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    hold(&mut observed, &stack, &[Turn::First]);
    fixtures::complete_jobs(&stack, &mut observed);
    let completed = plan(&stack, &observed, &[]).completed;
    let before = plan(&stack, &observed, &completed);
    assert_eq!(told(&before, Kind::Deployment), each(SERVICES, Turn::First));
    assert_eq!(allowed(&before), [(true, false)].into());

    hold(&mut observed, &stack, &[Turn::First, Turn::Second]);
    let preparing = plan(&stack, &observed, &completed);
    let prepared = |postgres: &[&str], kafka: &[&str]| {
        [("demo-postgres-provision", postgres), ("demo-kafka-provision", kafka)]
            .map(|(job, keys)| (job.to_owned(), keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()))
    };
    let both = ["password", "password-2", "username", "username-2"];
    assert_eq!(told(&preparing, Kind::Job), prepared(&both[..2], &both));
    assert_eq!(preparing.held, Service::ALL, "pods stay as they are");

    fixtures::complete_jobs(&stack, &mut observed);
    let migrating = plan(&stack, &observed, &completed);
    assert_eq!(told(&migrating, Kind::Job), each(MIGRATIONS, Turn::Second));
    assert_eq!(migrating.held, Service::WITH_DATABASE);

    fixtures::complete_jobs(&stack, &mut observed);
    observed.in_use = [("demo-postgres-user".to_owned(), "password".to_owned())].into();
    let rolling = plan(&stack, &observed, &completed);
    assert_eq!(told(&rolling, Kind::Deployment), each(SERVICES, Turn::Second));
    let waiting = rolling.secrets.iter().filter(|it| it.replacement.as_ref().is_some_and(|it| !it.may_end));
    assert_eq!(waiting.map(|it| it.name.as_str()).collect::<Vec<_>>(), ["demo-postgres-user"]);
    observed.in_use.clear();
    assert_eq!(allowed(&plan(&stack, &observed, &completed)), [(true, true)].into());

    // What pods are told of doesn't change any more.
    hold(&mut observed, &stack, &[Turn::Second]);
    let ending = plan(&stack, &observed, &rolling.completed);
    assert_eq!(told(&ending, Kind::Job), prepared(&["password-2"], &["password-2", "username-2"]));
    let job = fixtures::find(&ending.children, Kind::Job, "demo-kafka-provision");
    let resting = r#"{"name":"RESTING","value":"auth=auth user=user posts=posts feed=feed"}"#;
    assert!(serde_json::to_string(&job).unwrap().contains(resting), "{job:?}");
    fixtures::complete_jobs(&stack, &mut observed);
    let after = plan(&stack, &observed, &rolling.completed);
    let templates = |plan: &Plan| {
        plan.children.iter().filter(|it| it.id().kind == Kind::Deployment).cloned().collect::<Vec<_>>()
    };
    assert_eq!(templates(&after), templates(&rolling));
    assert!(after.held.is_empty());
}

#[test]
fn logins_that_the_operator_makes_have_an_age_where_one_is_asked_for() {
    let mut asked = fixtures::stack();
    asked.spec.security.rotation.after = Some("30d".into());
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let secrets = plan(&stack, &Observed::default(), &[]).secrets.into_iter();
    let replaced: Vec<_> =
        secrets.filter_map(|secret| Some((secret.name, secret.replacement?.rule.after))).collect();
    assert_eq!(replaced.len(), 6 + 4 + 1, "{replaced:?}");
    let month = Some(jiff::SignedDuration::from_hours(30 * 24));
    assert!(replaced.iter().all(|(_, after)| *after == month), "{replaced:?}");
}

#[test]
fn logins_are_not_replaced_while_something_else_is_under_way() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    hold(&mut observed, &stack, &[Turn::First]);
    let may_begin = |observed: &Observed| allowed(&plan(&stack, observed, &[])).first().unwrap().0;
    assert!(may_begin(&observed));
    let mut migrating = observed.clone();
    migrating.jobs.insert("demo-auth-migrate-00000000".into(), JobState::Running { failures: 0 });
    assert!(!may_begin(&migrating));
    observed.deployments.remove("demo-posts");
    assert!(!may_begin(&observed), "the stack is still being made");
}

#[test]
fn a_login_stays_while_a_service_has_not_rolled_out() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    hold(&mut observed, &stack, &[Turn::First, Turn::Second]);
    fixtures::complete_jobs(&stack, &mut observed);
    fixtures::complete_jobs(&stack, &mut observed);
    let may_end = |observed: &Observed| allowed(&plan(&stack, observed, &[])).first().unwrap().1;
    assert!(may_end(&observed));
    for changed in
        [Workload { rolled_out: false, ..fixtures::running() }, Workload { ready: 0, ..fixtures::running() }]
    {
        observed.deployments.insert("demo-auth".into(), changed);
        assert!(!may_end(&observed));
    }
}

#[test]
fn copies_are_made_with_the_newest_login() {
    let mut asked = fixtures::stack();
    asked.spec.backup = serde_json::from_value(serde_json::json!({
        "schedule": "0 3 * * *", "target": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "copies"}
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let key = GivenSeen { keys: ["key".to_owned()].into(), digest: "some".into(), ..GivenSeen::default() };
    observed.given.insert("copies".into(), key);
    hold(&mut observed, &stack, &[Turn::First, Turn::Second]);
    fixtures::complete_jobs(&stack, &mut observed);
    fixtures::complete_jobs(&stack, &mut observed);
    let keys = vec!["password-2".to_owned(), "username-2".to_owned()];
    assert_eq!(told(&plan(&stack, &observed, &[]), Kind::CronJob), [("demo-backup".to_owned(), keys)]);
}

#[test]
fn strimzi_has_a_user_for_each_login_called_as_the_login_is() {
    let mut asked = fixtures::stack();
    let kafka = serde_json::json!({"strimzi": {"clusterRef": {"name": "events"}}});
    asked.spec.kafka = serde_json::from_value(kafka).unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::with_delegated(&stack);
    let users = |observed: &Observed| {
        let children = plan(&stack, observed, &[]).children;
        let users = children.iter().filter(|child| child.id().kind == Kind::KafkaUser);
        users
            .map(|child| (child.id().name, keys(child).into_iter().collect::<Vec<_>>().join(" ")))
            .filter(|(name, _)| name.starts_with("demo-posts"))
            .collect::<Vec<_>>()
    };
    let user = |name: &str, key: &str| (name.to_owned(), key.to_owned());
    assert_eq!(users(&observed), [user("demo-posts", "password")]);
    hold(&mut observed, &stack, &[Turn::First, Turn::Second]);
    assert_eq!(users(&observed), [user("demo-posts", "password"), user("demo-posts-2", "password-2")]);
    let second = ChildId { kind: Kind::KafkaUser, name: "demo-posts-2".into() };
    for name in ["demo-posts", "demo-posts-2"] {
        observed.seen.insert(ChildId { kind: Kind::KafkaUser, name: name.into() }, fixtures::ours());
    }
    hold(&mut observed, &stack, &[Turn::Second]);
    assert_eq!(users(&observed), [user("demo-posts", "password-2"), user("demo-posts-2", "password-2")]);
    let resting = fixtures::find(&plan(&stack, &observed, &[]).children, Kind::KafkaUser, "demo-posts");
    assert!(serde_json::to_string(&resting).unwrap().contains("\"acls\":[]"), "{resting:?}");
    let lost = observed.secrets.remove("demo-kafka-posts").unwrap();
    assert!(!orphans(&plan(&stack, &observed, &[]), &observed).contains(&second), "pods may use it");
    observed.secrets.insert("demo-kafka-posts".into(), lost);
    let posts =
        plan(&stack, &observed, &[]).secrets.into_iter().find(|it| it.name == "demo-kafka-posts").unwrap();
    assert_eq!(posts.replacement.unwrap().second, "demo-posts-2", "Strimzi takes the object's name");
}
