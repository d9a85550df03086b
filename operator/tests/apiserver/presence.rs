//! What Prometheus is told of stacks that go.

use std::time::Duration;

use kube::api::DeleteParams;
use serde_json::json;
use tracklore_operator::{api::v1alpha1::TrackloreStack, runtime::metrics};
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    spaces::{NAME, Space, spec},
};

const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_stack_that_goes_during_its_pass_is_not_told_to_be_there() {
    let metrics = metrics::install().unwrap();
    let space = Space::new("presence").await;
    let is = |present: u8| {
        let labels = format!("stack_namespace=\"{}\",stack_name=\"{NAME}\"", space.name);
        metrics.render().contains(&format!("tracklore_stack_present{{{labels}}} {present}"))
    };
    let mut unknown = spec();
    unknown["version"] = json!("9.9.9");
    space.apply(&unknown).await;

    // The first write of a pass over a stack that can't be built is the status.
    let operator = Operator::start(&space, Faults::holding(1)).await;
    eventually_within(SOON, "the status is being written", async || {
        (operator.faults.writes() == 1).then_some(())
    })
    .await;
    space.api::<TrackloreStack>().delete(NAME, &DeleteParams::default()).await.unwrap();
    eventually_within(SOON, "the operator hears that it is gone", async || is(0).then_some(())).await;
    operator.faults.let_go();
    operator.stop().await;
    assert!(is(0), "the pass ended after it: {}", metrics.render());
}
