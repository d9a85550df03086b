//! A stack whose Kafka is run by Strimzi.

use serde_json::json;

use super::*;
use crate::stack::{component::Component, delegated::Told, validate};

fn stack() -> ValidStack {
    let mut stack = fixtures::stack();
    stack.spec.kafka =
        serde_json::from_value(json!({"strimzi": {"clusterRef": {"name": "events"}}})).unwrap();
    validate::validate(&stack).unwrap()
}

/// A picture in which Strimzi has done all that the stack asks for.
fn delegated(stack: &ValidStack) -> Observed {
    let mut observed = fixtures::with_secrets(stack);
    for component in [Component::Postgres, Component::Redis] {
        observed.stateful_sets.insert(stack.names.of(component), fixtures::running());
    }
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
    let stack = stack();
    let mut observed = delegated(&stack);
    let children = plan(&stack, &observed, &[]).children;
    golden!("strimzi-kafkatopic", find(&children, Kind::KafkaTopic, "demo-posts-events"));
    golden!("strimzi-kafkauser", find(&children, Kind::KafkaUser, "demo-posts"));
    golden!("strimzi-networkpolicy", find(&children, Kind::NetworkPolicy, "demo-kafka-external"));
    golden!("strimzi-job-kafka-provision", find(&children, Kind::Job, "demo-kafka-provision"));
    for _ in 0..2 {
        fixtures::complete_jobs(&stack, &mut observed);
    }
    let children = plan(&stack, &observed, &[]).children;
    golden!("strimzi-deployment-demo-posts", find(&children, Kind::Deployment, "demo-posts"));
}

#[test]
fn every_service_has_a_user_of_its_own_and_every_topic_an_object() {
    let stack = stack();
    let children = plan(&stack, &delegated(&stack), &[]).children;
    let count = |kind: Kind| children.iter().filter(|child| child.id().kind == kind).count();
    assert_eq!((count(Kind::KafkaUser), count(Kind::KafkaTopic)), (4, 10));
    assert_eq!(count(Kind::GivenKafka), 0, "the Kafka is other people's");
}

#[test]
fn services_wait_for_what_strimzi_does() {
    let stack = stack();
    let waits = |observed: &Observed| {
        let children = plan(&stack, observed, &[]).children;
        children.iter().all(|child| !child.id().name.starts_with("demo-kafka-provision-"))
    };
    let observed = delegated(&stack);
    assert!(!waits(&observed));
    for id in plan(&stack, &observed, &[]).delegated {
        let mut undone = observed.clone();
        undone.told.remove(&id);
        assert!(waits(&undone), "{id:?}");
    }
}

#[test]
fn topics_outlive_their_stack_unless_it_says_otherwise_and_users_never_do() {
    let owned = |stack: &ValidStack| {
        let children = plan(stack, &delegated(stack), &[]).children;
        let (Child::KafkaTopic(topic), Child::KafkaUser(user)) =
            (find(&children, Kind::KafkaTopic, "demo"), find(&children, Kind::KafkaUser, "demo"))
        else {
            unreachable!()
        };
        (topic.metadata.owner_references.is_some(), user.metadata.owner_references.is_some())
    };
    let mut stack = stack();
    assert_eq!(owned(&stack), (false, true));
    stack.deletion_policy = DeletionPolicy::Delete;
    assert_eq!(owned(&stack), (true, true));
}
