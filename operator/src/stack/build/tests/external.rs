//! A stack whose Postgres, Kafka and Redis are there already.

use serde_json::{Value, json};

use super::*;
use crate::stack::{fixtures::find, validate};

fn stack(postgres: &Value, kafka: &Value) -> ValidStack {
    let mut asked = fixtures::stack();
    asked.spec.postgres = serde_json::from_value(json!({"external": postgres})).unwrap();
    asked.spec.kafka = serde_json::from_value(json!({"external": kafka})).unwrap();
    asked.spec.redis = serde_json::from_value(
        json!({"external": {"urlSecretRef": {"name": "redis-address"}, "caSecretRef": {"name": "redis-ca"}}}),
    )
    .unwrap();
    validate::validate(&asked).unwrap()
}

fn made() -> ValidStack {
    stack(
        &json!({
            "host": "db.example.org", "tls": {"caSecretRef": {"name": "db-ca"}},
            "admin": {"secretRef": {"name": "db-admin"}, "namePrefix": "community_"}
        }),
        &json!({
            "bootstrapServers": ["kafka.example.org:9093"], "tls": {"caSecretRef": {"name": "kafka-ca"}},
            "sasl": {"admin": {"secretRef": {"name": "kafka-admin"}}}
        }),
    )
}

fn given() -> ValidStack {
    let database = |name: &str| {
        json!({
            "name": name, "secretRef": {"name": format!("{name}-login")},
            "migrationSecretRef": {"name": format!("{name}-migration")}
        })
    };
    let user = |name: &str| json!({"secretRef": {"name": format!("kafka-{name}")}});
    stack(
        &json!({
            "host": "db.example.org", "tls": {"mode": "Disabled"},
            "databases": {"auth": database("accounts"), "user": database("people"), "posts": database("posts")}
        }),
        &json!({
            "bootstrapServers": ["kafka.example.org:9092"], "tls": {"mode": "Disabled"},
            "sasl": {"users": {"auth": user("auth"), "user": user("user"), "posts": user("posts"), "feed": user("feed")}}
        }),
    )
}

/// Both ways, each with its name.
fn both() -> impl Iterator<Item = (&'static str, ValidStack)> {
    std::iter::once_with(|| ("made", made())).chain(std::iter::once_with(|| ("given", given())))
}

/// A picture in which everything that people give is there.
fn observed(stack: &ValidStack) -> Observed {
    let mut observed = fixtures::with_secrets(stack);
    for secret in crate::stack::given::given(stack) {
        let keys = ["username", "password", "ca.crt", "uri"].map(str::to_owned).into();
        let digest = format!("digest-of-{}", secret.name);
        observed
            .given
            .insert(secret.name, GivenSeen { keys, digest, port: Some(6380), ..GivenSeen::default() });
    }
    observed
}

#[test]
fn nothing_is_run_beside_what_is_there_and_pods_may_leave_the_stack_to_it() {
    let stack = made();
    let children = plan(&stack, &observed(&stack), &[]).children;
    assert!(children.iter().all(|child| child.id().kind != Kind::StatefulSet));
    let exits = [("postgres", 5432), ("kafka", 9093), ("redis", 6380)];
    for (component, port) in exits {
        let policy = find(&children, Kind::NetworkPolicy, &format!("demo-{component}-external"));
        assert!(serde_json::to_string(&policy).unwrap().contains(&format!("\"port\":{port}")), "{component}");
        assert!(children.iter().all(|child| child.id().name != format!("demo-{component}")), "{component}");
    }
    golden!(
        "networkpolicy-demo-postgres-external",
        find(&children, Kind::NetworkPolicy, "demo-postgres-external")
    );
}

#[test]
fn jobs_that_prepare_or_look_look_like_their_goldens() {
    for (way, stack) in both() {
        let children = plan(&stack, &observed(&stack), &[]).children;
        for job in ["postgres-provision", "kafka-provision"] {
            golden!(format!("job-{job}-{way}"), find(&children, Kind::Job, &format!("demo-{job}")));
        }
    }
}

#[test]
fn services_are_told_where_what_is_there_is_and_who_signs_for_it() {
    for (way, stack) in both() {
        let mut observed = observed(&stack);
        fixtures::complete_jobs(&stack, &mut observed);
        let migration = find(&plan(&stack, &observed, &[]).children, Kind::Job, "demo-user-migrate");
        golden!(format!("job-user-migrate-{way}"), migration);
        fixtures::complete_jobs(&stack, &mut observed);
        let children = plan(&stack, &observed, &[]).children;
        for service in ["posts", "feed"] {
            let deployment = find(&children, Kind::Deployment, &format!("demo-{service}"));
            golden!(format!("deployment-demo-{service}-{way}"), deployment);
        }
    }
}

#[test]
fn only_what_is_missing_holds_up_what_needs_it() {
    let stack = made();
    let mut observed = observed(&stack);
    fixtures::complete_jobs(&stack, &mut observed);
    fixtures::complete_jobs(&stack, &mut observed);
    assert!(plan(&stack, &observed, &[]).held.is_empty());
    observed.given.remove("redis-ca");
    let plan = plan(&stack, &observed, &[]);
    assert_eq!((plan.held, plan.missing.len()), (vec![Service::Feed], 1));
}

#[test]
fn no_password_that_is_given_stands_in_an_object() {
    let stack = given();
    let children = plan(&stack, &observed(&stack), &[]).children;
    let text = serde_json::to_string(&children).unwrap();
    assert!(!text.contains("postgres://tracklore"), "logins come from Secrets");
    let theirs = [Component::Postgres, Component::Kafka, Component::Redis].map(Some);
    assert!(secrets::all(&stack).iter().all(|secret| !theirs.contains(&secret.component)));
}
