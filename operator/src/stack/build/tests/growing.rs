//! Claims that grow, and the StatefulSets that are made anew for them.

use super::*;
use crate::stack::validate::ValidStack;

/// The demo stack, with volumes of this size for Postgres.
fn with_postgres(size: &str) -> ValidStack {
    let mut stack = fixtures::stack();
    stack.spec.postgres.managed.as_mut().unwrap().storage.size = Amount::new(size);
    crate::stack::validate::validate(&stack).unwrap()
}

/// The plan for this size, and the size in the template, while a StatefulSet is there that was made for another one.
fn planned(asked: &str, made_for: Option<&str>) -> (Plan, String) {
    let stack = with_postgres(asked);
    let mut observed = fixtures::serving(&stack);
    observed.stateful_sets.get_mut("demo-postgres").unwrap().storage = made_for.map(str::to_owned);
    let plan = plan(&stack, &observed, &[]);
    let set = plan.children.iter().find_map(|child| match child {
        Child::StatefulSet(set) if set.metadata.name.as_deref() == Some("demo-postgres") => Some(set),
        _ => None,
    });
    let templates = set.unwrap().spec.as_ref().unwrap().volume_claim_templates.clone().unwrap();
    let requests = templates[0].spec.as_ref().unwrap().resources.as_ref().unwrap().requests.clone().unwrap();
    (plan, requests["storage"].0.clone())
}

#[test]
fn a_stateful_set_keeps_its_size_until_it_is_made_anew() {
    let (plan, size) = planned("20Gi", Some("10Gi"));
    assert_eq!(plan.outgrown, [ChildId { kind: Kind::StatefulSet, name: "demo-postgres".into() }]);
    assert_eq!(size, "10Gi", "it can't change");
    assert!(plan.expected.contains(&plan.outgrown[0]), "it is no orphan");

    // gone, with its pods left alone
    let (plan, size) = planned("20Gi", None);
    assert_eq!((plan.outgrown, size), (Vec::new(), "20Gi".to_owned()));
}

#[test]
fn the_same_size_in_other_words_is_no_growth() {
    for (asked, made_for) in [("10240Mi", "10Gi"), ("10Gi", "10Gi"), ("10Gi", "20Gi"), ("10Gi", "what")] {
        assert_eq!(planned(asked, Some(made_for)).0.outgrown, [], "{made_for} to {asked}");
    }
}
