//! The pods of a stack. They aren't watched; they are listed where something isn't ready for a while or isn't there.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client, ResourceExt, api::ListParams};

use super::{
    component::{Component, INSTANCE, MANAGED_BY, MANAGER, NAME, Names},
    observed::Workload,
};

/// All of them but those that make copies: one request.
pub async fn of(client: &Client, names: &Names) -> Result<Vec<Pod>, kube::Error> {
    list(client, names, &format!("{MANAGED_BY}={MANAGER},{INSTANCE}={}", names.stack)).await
}

/// All of them, those that make copies, too: one request.
pub async fn with_copies_of(client: &Client, names: &Names) -> Result<Vec<Pod>, kube::Error> {
    list(client, names, &format!("{INSTANCE}={}", names.stack)).await
}

async fn list(client: &Client, names: &Names, selector: &str) -> Result<Vec<Pod>, kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &names.namespace);
    let mut pods = api.list(&ListParams::default().labels(selector)).await?.items;
    // Words that don't depend on the order of the answer.
    pods.sort_by_key(ResourceExt::name_any);
    Ok(pods)
}

/// What runs of a component whose StatefulSet went without its pods, because it is made anew around them. Nothing owns such
/// pods; those that go with their StatefulSet are still owned by it, or are on their way out.
pub fn left_alone(pods: &[Pod], component: Component) -> Option<Workload> {
    let alone = pods.iter().filter(|pod| {
        pod.labels().get(NAME).is_some_and(|name| name == component.as_str())
            && pod.owner_references().is_empty()
            && pod.metadata.deletion_timestamp.is_none()
    });
    let ready: Vec<_> = alone.map(is_ready).collect();
    let count = |pods: usize| i32::try_from(pods).unwrap_or(i32::MAX);
    (!ready.is_empty()).then(|| Workload {
        desired: count(ready.len()),
        ready: count(ready.iter().filter(|ready| **ready).count()),
        rolled_out: true,
        ..Workload::default()
    })
}

/// The last words of a Job's pod that ended well.
pub fn last_words(pods: &[Pod], purpose: &str) -> Option<String> {
    let of_purpose = pods.iter().filter(|pod| pod.labels().get(NAME).is_some_and(|name| name == purpose));
    let statuses = of_purpose.filter_map(|pod| pod.status.as_ref()?.container_statuses.as_deref());
    let mut ends = statuses.flatten().filter_map(|container| container.state.as_ref()?.terminated.as_ref());
    ends.find(|end| end.exit_code == 0).and_then(|end| end.message.clone())
}

/// The keys of Secrets, with the Secret's name, that variables of pods come from which haven't ended.
pub fn keys_in_use(pods: &[Pod]) -> BTreeSet<(String, String)> {
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    let lives = |pod: &&Pod| !matches!(phase(pod).as_deref(), Some("Succeeded" | "Failed"));
    let specs = pods.iter().filter(lives).filter_map(|pod| pod.spec.as_ref());
    let containers =
        specs.flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
    let variables = containers.flat_map(|container| container.env.iter().flatten());
    let references = variables.filter_map(|it| it.value_from.as_ref()?.secret_key_ref.as_ref());
    references.map(|reference| (reference.name.clone(), reference.key.clone())).collect()
}

/// Whether it serves.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(owners: &Value, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"labels": {NAME: "kafka"}, "ownerReferences": owners},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn pods_without_an_owner_are_what_their_stateful_set_left() {
        let owned =
            pod(&json!([{"kind": "StatefulSet", "name": "s", "uid": "u", "apiVersion": "apps/v1"}]), "True");
        let (alone, starting) = (pod(&json!([]), "True"), pod(&json!([]), "False"));
        assert_eq!(
            left_alone(std::slice::from_ref(&owned), Component::Kafka),
            None,
            "it goes with its owner"
        );
        assert_eq!(
            left_alone(std::slice::from_ref(&alone), Component::Redis),
            None,
            "it is another component's"
        );
        let left = left_alone(&[owned, alone, starting], Component::Kafka).unwrap();
        assert_eq!((left.desired, left.ready, left.storage), (2, 1, None));
    }

    #[test]
    fn keys_are_in_use_until_the_pods_that_were_told_of_them_have_ended() {
        let variable =
            |key: &str| json!([{"name": "V", "valueFrom": {"secretKeyRef": {"name": "login", "key": key}}}]);
        let pod = |phase: &str, key: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": phase},
                "spec": {
                    "containers": [{"name": "serve", "env": variable(key)}],
                    "initContainers": [{"name": "first", "env": variable(&format!("{key}-first"))}],
                },
            }))
            .unwrap()
        };
        let pods = [
            pod("Running", "uri"),
            pod("Succeeded", "ended"),
            pod("Failed", "ended"),
            pod("Pending", "next"),
        ];
        let keys: Vec<_> =
            keys_in_use(&pods).into_iter().map(|(secret, key)| format!("{secret}/{key}")).collect();
        assert_eq!(keys, ["login/next", "login/next-first", "login/uri", "login/uri-first"]);
    }
}
