//! An Ingress in place of the stack's own gateway, and back.

use std::time::Duration;

use k8s_openapi::api::{apps::v1::Deployment, networking::v1::Ingress};
use kube::{Api, Client};
use serde_json::json;
use tracklore_e2e::TestStack;
use tracklore_testkit::eventually_within;

use crate::client;

const SOON: Duration = Duration::from_mins(2);

#[tokio::test]
async fn an_ingress_takes_the_place_of_the_gateway_and_gives_it_back() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "ingress").await;
    let with_gateway = stack.spec();
    stack.apply(&client, &with_gateway).await.unwrap();
    let gateway = |client: &Client| Api::<Deployment>::namespaced(client.clone(), &stack.namespace);
    let ingresses = Api::<Ingress>::namespaced(client.clone(), &stack.namespace);
    there(&gateway(&client), true).await;

    let mut with_ingress = with_gateway.clone();
    with_ingress["gateway"] = json!({"ingress": {"className": "nobodys", "tlsSecretName": "web-tls"}});
    stack.apply(&client, &with_ingress).await.unwrap();
    there(&ingresses, true).await;
    there(&gateway(&client), false).await;
    let ingress = serde_json::to_value(ingresses.get("ingress-gateway").await.unwrap().spec).unwrap();
    let host = format!("{}.tracklore.test", stack.namespace);
    assert_eq!(ingress["rules"][0]["host"], json!(host));
    assert_eq!(ingress["tls"][0], json!({"hosts": [host], "secretName": "web-tls"}));
    let paths = ingress["rules"][0]["http"]["paths"].as_array().unwrap();
    let posts = paths.iter().find(|path| path["path"] == "/v1/posts").unwrap();
    assert_eq!(posts["backend"]["service"]["name"], "ingress-posts");

    stack.apply(&client, &with_gateway).await.unwrap();
    there(&gateway(&client), true).await;
    there(&ingresses, false).await;
    stack.discard(&client).await;
}

/// Waits until the stack's `…-gateway` of a kind is there, or isn't.
async fn there<K>(api: &Api<K>, wanted: bool)
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let what = if wanted { "the way in is there" } else { "the way in is gone" };
    eventually_within(SOON, what, async || {
        let found = api.get_metadata_opt("ingress-gateway").await.ok()?;
        (found.is_some() == wanted).then_some(())
    })
    .await;
}
