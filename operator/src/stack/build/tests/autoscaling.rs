//! A service whose number of pods somebody else decides.

use super::*;
use crate::api::v1alpha1::Autoscaling;

#[test]
fn an_autoscaler_is_asked_for_and_then_decides_alone() {
    let mut asked = fixtures::stack();
    asked.spec.services.feed.autoscaling =
        Some(Autoscaling { min_replicas: 2, max_replicas: 5, target_cpu_percent: 70 });
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let replicas = |observed: &Observed| {
        let feed = |child: Child| match child {
            Child::Deployment(it) if it.metadata.name.as_deref() == Some("demo-feed") => it.spec?.replicas,
            _ => None,
        };
        plan(&stack, observed, &[]).children.into_iter().find_map(feed)
    };
    assert_eq!(replicas(&observed), None);
    observed.deployments.get_mut("demo-feed").unwrap().desired = 0;
    assert_eq!(replicas(&observed), Some(2), "an autoscaler leaves what is at nothing there");
    observed.deployments.remove("demo-feed");
    assert_eq!(replicas(&observed), Some(2));
    let children = plan(&stack, &observed, &[]).children;
    let made = children.into_iter().find(|child| child.id().kind == Kind::HorizontalPodAutoscaler);
    golden!("horizontalpodautoscaler-demo-feed", made.unwrap());

    asked.spec.suspended = true;
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let plan = plan(&stack, &observed, &[]);
    assert!(!plan.expected.iter().any(|id| id.kind == Kind::HorizontalPodAutoscaler));
}
