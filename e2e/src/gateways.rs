//! A cluster that has Gateways and serves Ingresses: the CRDs of the Gateway API, and a controller in the namespace of a test.

use crate::{TestStack, shell};

/// Names the folder with the CRDs; `make test-e2e` brings them.
const CRDS: &str = "TRACKLORE_GATEWAY_API_CRDS";
const MANIFESTS: &str = include_str!("../gateway-api/gateways.yaml");

/// Installs the CRDs where they are missing, and starts a controller with the Gateway `public`.
pub async fn start(stack: &TestStack) {
    let crds = std::env::var(CRDS)
        .unwrap_or_else(|_| unreachable!("{CRDS} isn't set. Run the tests by `make test-e2e`."));
    kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &crds], "").await;
    // The API server takes objects of a new kind a moment after the kind.
    let manifests = MANIFESTS.replace("@NAMESPACE@", &stack.namespace);
    tracklore_testkit::eventually("the cluster knows Gateways", async || {
        shell::run_with("kubectl", &["apply", "-f", "-"], &manifests).await.ok()
    })
    .await;
}

/// Removes what doesn't go with the namespace. The CRDs stay: they may be somebody's.
pub async fn end(stack: &TestStack) {
    let name = format!("{}-gateways", stack.namespace);
    kubectl(&["delete", "gatewayclass,ingressclass", &stack.namespace], "").await;
    kubectl(&["delete", "clusterrole,clusterrolebinding", &name], "").await;
}

async fn kubectl(arguments: &[&str], input: &str) {
    shell::run_with("kubectl", arguments, input).await.expect("kubectl does what it is told");
}
