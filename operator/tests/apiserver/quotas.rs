//! A namespace holds so many stacks and no more; one that goes makes room for the next.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;
use tracklore_operator::api::v1alpha1::TrackloreStack;
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, holds, spec},
};

#[tokio::test]
async fn a_stack_too_many_is_refused_until_another_one_goes() {
    let space = Space::new("quota").await;
    space.apply(&spec()).await;
    let operator = Operator::start_for(&space, 1, Faults::none()).await;
    space.settled(&operator).await;

    let second = json!({
        "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "metadata": {"name": "second"}, "spec": spec(),
    });
    let stacks = space.api::<TrackloreStack>();
    stacks.patch("second", &PatchParams::apply("test").force(), &Patch::Apply(&second)).await.unwrap();
    let sentence = eventually_within(Duration::from_mins(1), "the second stack is refused", async || {
        let stack = stacks.get("second").await.ok()?;
        let mut conditions = stack.status?.conditions.into_iter();
        conditions.find(|told| told.type_ == "Stalled" && told.status == "True").map(|told| told.message)
    })
    .await;
    assert!(sentence.contains("holds 1 stacks already, and may hold 1"), "{sentence}");
    let sets = space.api::<StatefulSet>().list(&ListParams::default()).await.unwrap();
    assert!(sets.iter().all(|set| !set.name_any().starts_with("second")), "nothing was made for it");

    stacks.delete(NAME, &DeleteParams::default()).await.unwrap();
    eventually_within(Duration::from_mins(3), "the second stack is served", async || {
        holds(&stacks.get("second").await.ok()?, "Ready", "True").then_some(())
    })
    .await;
}
