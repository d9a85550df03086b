//! Where pods may run: what a stack asks for, read and ready to be built.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{Affinity, PodSpec, Toleration, TopologySpreadConstraint},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};

use crate::api::v1alpha1::{Scheduling, TaintEffect, TolerationOperator, Untyped};

/// Where the pods of a component may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    node_selector: BTreeMap<String, String>,
    tolerations: Vec<Toleration>,
    affinity: Option<Affinity>,
    priority_class: Option<String>,
    /// How they are spread; as the operator does it when absent.
    pub spread: Option<Vec<TopologySpreadConstraint>>,
}

impl Placement {
    /// Reads what stands in `field`. `selector` selects the component's pods. Each error is a sentence.
    pub fn read(
        field: &str,
        asked: &Scheduling,
        selector: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<String>> {
        let mut refusals = Vec::new();
        let affinity = asked.affinity.as_ref().and_then(|affinity| {
            let refused = |error| refusals.push(format!("{field}.affinity: {error}"));
            affinity.read::<Affinity>().map_err(refused).ok()
        });
        let spread = asked.topology_spread_constraints.as_ref().map(|constraints| {
            let read = |constraint: &Untyped| {
                let refused = |error| refusals.push(format!("{field}.topologySpreadConstraints: {error}"));
                let mut constraint =
                    constraint.read::<TopologySpreadConstraint>().map_err(refused).unwrap_or_default();
                constraint.label_selector.get_or_insert_with(|| LabelSelector {
                    match_labels: Some(selector.clone()),
                    ..LabelSelector::default()
                });
                constraint
            };
            constraints.iter().map(read).collect()
        });
        if !refusals.is_empty() {
            return Err(refusals);
        }
        Ok(Self {
            node_selector: asked.node_selector.clone(),
            tolerations: asked.tolerations.iter().map(toleration).collect(),
            affinity,
            priority_class: asked.priority_class_name.clone(),
            spread,
        })
    }

    /// Tells a pod all of it but the spreading, which is for pods of which there are several.
    pub fn place(&self, pod: &mut PodSpec) {
        pod.node_selector = (!self.node_selector.is_empty()).then(|| self.node_selector.clone());
        pod.tolerations = (!self.tolerations.is_empty()).then(|| self.tolerations.clone());
        pod.affinity.clone_from(&self.affinity);
        pod.priority_class_name.clone_from(&self.priority_class);
    }
}

fn toleration(asked: &crate::api::v1alpha1::Toleration) -> Toleration {
    let effect = asked.effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    let operator = match asked.operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    Toleration {
        key: asked.key.clone(),
        operator: Some(operator.to_owned()),
        value: asked.value.clone(),
        effect: effect.map(str::to_owned),
        toleration_seconds: asked.toleration_seconds,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(asked: serde_json::Value) -> Result<Placement, Vec<String>> {
        let asked = serde_json::from_value(asked).unwrap();
        Placement::read("services.feed.scheduling", &asked, &BTreeMap::from([("a".into(), "b".into())]))
    }

    #[test]
    fn what_is_misspelt_is_refused_with_its_place() {
        let refusals = read(json!({
            "affinity": {"nodeAfinity": {"x": 1}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKy": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        }));
        assert_eq!(
            refusals.unwrap_err(),
            [
                "services.feed.scheduling.affinity: unknown field `nodeAfinity`",
                "services.feed.scheduling.topologySpreadConstraints: unknown field `topologyKy`",
            ]
        );
    }

    #[test]
    fn a_constraint_without_a_selector_means_the_components_own_pods() {
        let constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        let spread = read(json!({"topologySpreadConstraints": [constraint]})).unwrap().spread.unwrap();
        assert_eq!(spread[0].label_selector.as_ref().unwrap().match_labels.as_ref().unwrap()["a"], "b");
        assert_eq!(read(json!({"topologySpreadConstraints": []})).unwrap().spread, Some(Vec::new()));
        assert_eq!(read(json!({})).unwrap(), Placement::default());
    }
}
