//! The `HTTPRoute`: the same addresses as at the gateway, for Gateways that the cluster has.
//!
//! It holds to what every implementation must know (the Gateway API's level "core"). To show requests to auth first isn't part
//! of it, so nobody does; the services check tokens themselves.

use serde_json::{Value, json};

use super::{
    gateway::routes::{IDENTITY, ROUTES, Route},
    ingress::hostnames,
    pod,
};
use crate::{
    api::{
        http_route::{HTTPRoute, HttpRouteSpec},
        v1alpha1::GatewayApi,
    },
    stack::{component::Component, validate::ValidStack},
};

const COMPONENT: Component = Component::Gateway;

/// The `HTTPRoute`.
pub fn http_route(stack: &ValidStack, asked: &GatewayApi) -> HTTPRoute {
    HTTPRoute {
        metadata: pod::metadata(stack, &stack.names.of(COMPONENT), COMPONENT),
        spec: HttpRouteSpec {
            parent_refs: asked.parent_refs.clone(),
            hostnames: hostnames(stack),
            rules: ROUTES.iter().map(|route| rule(stack, route)).collect(),
        },
        status: None,
    }
}

fn rule(stack: &ValidStack, route: &Route) -> Value {
    let path = |path: &&str| json!({"path": {"type": "PathPrefix", "value": path}});
    json!({
        "matches": route.paths.iter().map(path).collect::<Vec<_>>(),
        // No service believes them; nobody should be able to make one that does.
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": IDENTITY}}],
        "backendRefs": [{"name": stack.names.of(Component::Service(route.service)), "port": 8080}],
    })
}
