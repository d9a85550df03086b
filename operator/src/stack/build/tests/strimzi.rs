//! A stack whose Kafka is run by Strimzi.

use serde_json::json;

use super::*;
use crate::stack::{delegated::Told, fixtures::find, validate};

fn stack() -> ValidStack {
    let mut stack = fixtures::stack();
    stack.spec.kafka =
        serde_json::from_value(json!({"strimzi": {"clusterRef": {"name": "events"}}})).unwrap();
    validate::validate(&stack).unwrap()
}

#[test]
fn its_objects_look_like_their_goldens() {
    let stack = stack();
    let mut observed = fixtures::with_delegated(&stack);
    let children = plan(&stack, &observed, &[]).children;
    golden!("strimzi-kafkatopic", find(&children, Kind::KafkaTopic, "demo-events-posts-events"));
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
    let children = plan(&stack, &fixtures::with_delegated(&stack), &[]).children;
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
    let observed = fixtures::with_delegated(&stack);
    assert!(!waits(&observed));
    for id in plan(&stack, &observed, &[]).delegated {
        let mut undone = observed.clone();
        undone.told.remove(&id);
        assert!(waits(&undone), "{id:?}");
    }
}

#[test]
fn a_kafka_that_is_not_open_to_a_stack_gets_none_of_its_topics_and_users() {
    let stack = stack();
    let mut observed = fixtures::with_delegated(&stack);
    let kafka = ChildId { kind: Kind::GivenKafka, name: "events".into() };
    observed.told.insert(kafka, Told { done: false, said: "its annotation doesn't name demo".into() });
    let plan = plan(&stack, &observed, &[]);
    assert!(plan.children.iter().all(|child| !child.id().kind.is_delegated()));
    let kept = plan.expected.iter().filter(|id| id.kind == Kind::KafkaUser).count();
    assert_eq!(kept, 4, "those that are there stay");
}

#[test]
fn topics_outlive_their_stack_unless_it_says_otherwise_and_users_never_do() {
    let owned = |stack: &ValidStack| {
        let children = plan(stack, &fixtures::with_delegated(stack), &[]).children;
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
