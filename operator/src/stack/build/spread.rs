//! How the pods of a component are spread.

use k8s_openapi::{
    api::core::v1::TopologySpreadConstraint, apimachinery::pkg::apis::meta::v1::LabelSelector,
};

use crate::stack::{component::Component, validate::ValidStack};

/// What is asked for, else on as many nodes and zones as there are; that is never a reason not to run.
pub fn constraints(stack: &ValidStack, component: Component) -> Option<Vec<TopologySpreadConstraint>> {
    if let Some(asked) = stack.placement(component).spread {
        return (!asked.is_empty()).then_some(asked);
    }
    let over = |key: &str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: key.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(stack.names.selector(component)),
            ..LabelSelector::default()
        }),
        ..TopologySpreadConstraint::default()
    };
    Some(["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(over).into())
}
