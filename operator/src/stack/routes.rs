//! Whether the Gateways of a cluster have taken a stack's `HTTPRoute`.

use kube::Resource;

use super::{
    delegated::{Parents, Told},
    glimpse::Glimpse,
};
use crate::api::http_route::{HTTPRoute, HttpRouteStatus};

/// What the Gateways say of a route, in one sentence.
pub fn told(route: &Glimpse<HTTPRoute, Parents, HttpRouteStatus>) -> Told {
    let generation = route.meta().generation;
    let asked = route.spec.as_ref().map_or(&[][..], |spec| &spec.parent_refs);
    let parents = route.status.as_ref().map_or(&[][..], |status| &status.parents);
    let said = |kind: &'static str| {
        let conditions = parents.iter().flat_map(|parent| &parent.conditions);
        conditions
            .filter(move |condition| condition.type_ == kind && condition.observed_generation >= generation)
    };
    if let Some(refused) =
        said("Accepted").chain(said("ResolvedRefs")).find(|condition| condition.status != "True")
    {
        return Told { done: false, said: refused.message.clone() };
    }
    let waiting = asked.len().saturating_sub(said("Accepted").count());
    if waiting > 0 {
        let sentence = format!(
            "{waiting} of {} Gateways have said nothing of it yet; are they there, and is their controller?",
            asked.len()
        );
        return Told { done: false, said: sentence };
    }
    Told { done: true, said: "all its Gateways have taken it".to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(parents: &Value) -> (bool, String) {
        let route = serde_json::from_value(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "demo-gateway", "generation": 2},
            "spec": {"parentRefs": [{"name": "public"}]},
            "status": {"parents": parents},
        }))
        .unwrap();
        let Told { done, said } = told(&route);
        (done, said)
    }

    fn parent(generation: i64, accepted: &str, resolved: &str) -> Value {
        let condition = |kind: &str, status: &str| {
            json!({"type": kind, "status": status, "reason": "R", "message": format!("{kind} is {status}"),
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T10:00:00Z"})
        };
        json!([{"parentRef": {"name": "public", "group": "gateway.networking.k8s.io", "kind": "Gateway"},
            "controllerName": "example.org/c",
            "conditions": [condition("Accepted", accepted), condition("ResolvedRefs", resolved)]}])
    }

    #[test]
    fn a_route_counts_once_its_gateways_have_taken_its_newest_spec() {
        assert!(said(&parent(2, "True", "True")).0);
        assert_eq!(said(&parent(2, "False", "True")), (false, "Accepted is False".into()));
        assert_eq!(said(&parent(2, "True", "False")), (false, "ResolvedRefs is False".into()));
        for silence in [json!([]), parent(1, "True", "True")] {
            let (accepted, sentence) = said(&silence);
            assert!(!accepted && sentence.starts_with("1 of 1 Gateways have said nothing"), "{sentence}");
        }
    }
}
