//! What somebody else has made under the names of a stack's children is left alone, and so is what an earlier stack has left.

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::Deployment,
        core::v1::{Secret, Service},
    },
};
use kube::{
    Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracklore_operator::{api::v1alpha1::TrackloreStack, stack::component::MANAGER};
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    settle::PATIENCE,
    spaces::{NAME, Space, spec},
};

/// Makes an object as somebody else.
async fn make<K>(space: &Space, name: &str, mut object: Value) -> K
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Serialize
        + DeserializeOwned
        + std::fmt::Debug,
{
    object["apiVersion"] = json!(K::api_version(&()));
    object["kind"] = json!(K::kind(&()));
    object["metadata"]["name"] = json!(name);
    let params = PatchParams::apply("somebody");
    space.api::<K>().patch(name, &params, &Patch::Apply(&object)).await.unwrap()
}

/// Whether the operator has written anything of it.
fn is_touched(object: &impl Resource) -> bool {
    object.managed_fields().iter().any(|entry| entry.manager.as_deref() == Some(MANAGER))
}

/// Waits until the stack says that it wants a name which is taken.
async fn says_taken(space: &Space, object: &str) {
    eventually_within(PATIENCE, &format!("the stack says that {object} is taken"), async || {
        let stack = space.api::<TrackloreStack>().get(NAME).await.unwrap();
        let mut conditions = stack.status?.conditions.into_iter();
        let stalled = conditions.find(|told| told.type_ == "Stalled" && told.reason == "NameTaken")?;
        stalled.message.contains(object).then_some(())
    })
    .await;
}

#[tokio::test]
async fn objects_of_others_are_never_overwritten_and_are_made_once_they_are_gone() {
    let space = Space::new("foreign").await;
    let labels = json!({"somebody": "else"});
    let service = json!({"spec": {"selector": labels, "ports": [{"name": "own", "port": 1}]}});
    make::<Service>(&space, "demo-auth", service).await;
    let security = json!({"runAsNonRoot": true, "runAsUser": 1, "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    let pod = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "own", "image": "own", "securityContext": security}]}});
    let deployment = json!({"spec": {"selector": {"matchLabels": labels}, "template": pod}});
    make::<Deployment>(&space, "demo-feed", deployment).await;
    space.apply(&spec()).await;

    let operator = Operator::start(&space, Faults::none()).await;
    says_taken(&space, "Service/demo-auth").await;
    assert!(!is_touched(&space.api::<Service>().get("demo-auth").await.unwrap()));
    space.api::<Service>().delete("demo-auth", &DeleteParams::default()).await.unwrap();
    says_taken(&space, "Deployment/demo-feed").await;
    assert!(!is_touched(&space.api::<Deployment>().get("demo-feed").await.unwrap()));
    space.api::<Deployment>().delete("demo-feed", &DeleteParams::default()).await.unwrap();
    space.settled(&operator).await;
    assert!(is_touched(&space.api::<Service>().get("demo-auth").await.unwrap()));
}

#[tokio::test]
async fn secrets_that_an_earlier_stack_has_left_are_taken_over_as_they_are() {
    let space = Space::new("left").await;
    let mut retained = spec();
    retained["deletionPolicy"] = json!("Retain");
    space.apply(&retained).await;
    let operator = Operator::start(&space, Faults::none()).await;
    space.settled(&operator).await;
    let content = async || {
        let secrets = space.api::<Secret>().list(&<_>::default()).await.unwrap();
        secrets.into_iter().map(|secret| (secret.name_any(), secret.data)).collect::<Vec<_>>()
    };
    let before = content().await;
    assert!(!before.is_empty());

    let stacks = space.api::<TrackloreStack>();
    stacks.delete(NAME, &DeleteParams::default()).await.unwrap();
    eventually_within(PATIENCE, "the stack is gone with its Services", async || {
        let services = space.api::<Service>().list(&<_>::default()).await.unwrap();
        (stacks.get_opt(NAME).await.unwrap().is_none() && services.items.is_empty()).then_some(())
    })
    .await;
    space.apply(&retained).await;
    space.settled(&operator).await;
    assert!(before == content().await, "other Secrets, or Secrets with other content, are there");
}
