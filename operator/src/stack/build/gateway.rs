//! The gateway: Traefik, told by a file. It needs no rights in the cluster.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Container, ContainerPort, Service as Address},
};
use serde_json::{Map, Value, json};

use super::{
    address, config_map,
    pod::{self, Timing},
    service_deployment,
};
use crate::{
    api::v1alpha1::Traefik,
    stack::{
        component::{Component, Service},
        validate::ValidStack,
    },
};

const COMPONENT: Component = Component::Gateway;
const USER: i64 = 65532;

/// Headers that say who a request is from. Only auth's answer may set them.
const IDENTITY: [&str; 3] = ["X-User-ID", "X-Session-ID", "X-Scope"];

/// What leads to a service.
struct Route {
    name: &'static str,
    paths: &'static [&'static str],
    service: Service,
    /// Whether requests with `Authorization` are shown to auth first. Auth's own aren't: who refreshes or logs in may hold a
    /// token that has expired.
    checked: bool,
}

const ROUTES: [Route; 5] = [
    Route { name: "auth", paths: &["/v1/auth"], service: Service::Auth, checked: false },
    Route { name: "jwks", paths: &["/.well-known/jwks.json"], service: Service::Auth, checked: false },
    Route { name: "user", paths: &["/v1/users", "/v1/badges"], service: Service::User, checked: true },
    Route { name: "posts", paths: &["/v1/posts"], service: Service::Posts, checked: true },
    Route { name: "feed", paths: &["/v1/feed"], service: Service::Feed, checked: true },
];

/// The routes, as Traefik reads them. JSON is YAML too.
pub fn config(stack: &ValidStack) -> ConfigMap {
    let routes = format!("{:#}\n", routes(stack));
    config_map::config_map(stack, &stack.names.of(COMPONENT), COMPONENT, [("routes.yaml", routes)])
}

fn routes(stack: &ValidStack) -> Value {
    let mut routers = Map::new();
    for route in &ROUTES {
        let paths = route.paths.iter().map(|path| format!("Path(`{path}`) || PathPrefix(`{path}/`)"));
        let rule = paths.collect::<Vec<_>>().join(" || ");
        let service = route.service.as_str();
        routers.insert(
            route.name.to_owned(),
            json!({"rule": rule, "priority": 10, "entryPoints": ["web"], "service": service, "middlewares": ["anonymous", "redial"]}),
        );
        if route.checked {
            routers.insert(
                format!("{}-checked", route.name),
                json!({
                    "rule": format!("({rule}) && HeaderRegexp(`Authorization`, `.`)"),
                    "priority": 20,
                    "entryPoints": ["web"],
                    "service": service,
                    "middlewares": ["anonymous", "redial", "verify"],
                }),
            );
        }
    }
    let services: Map<_, _> = Service::ALL
        .into_iter()
        .map(|service| {
            let url = format!("http://{}:8080", stack.names.child(service.as_str()));
            (service.as_str().to_owned(), json!({"loadBalancer": {"servers": [{"url": url}]}}))
        })
        .collect();
    let removed: Map<_, _> = IDENTITY.into_iter().map(|header| (header.to_owned(), json!(""))).collect();
    json!({
        "http": {
            "routers": routers,
            "services": services,
            "middlewares": {
                "anonymous": {"headers": {"customRequestHeaders": removed}},
                // A request of which nothing was sent yet, since the connection was refused, is tried again: whatever its method.
                "redial": {"retry": {"attempts": 4, "initialInterval": "100ms"}},
                "verify": {"forwardAuth": {
                    "address": format!("http://{}:8080/v1/auth/verify", stack.names.child("auth")),
                    "authResponseHeaders": IDENTITY,
                    "authRequestHeaders": ["Authorization", "X-Request-Id", "traceparent"],
                    "trustForwardHeader": false,
                    "maxResponseBodySize": 65536,
                }},
            },
        },
    })
}

/// How Traefik is told what doesn't change while it runs.
fn arguments(stack: &ValidStack, gateway: &Traefik) -> Vec<String> {
    let mut arguments = pod::words(&[
        "--entryPoints.web.address=:8000",
        &format!("--entryPoints.web.transport.respondingTimeouts.readTimeout={}s", read_timeout(stack)),
        // Services answer within ten seconds, or are gone.
        "--serversTransport.forwardingTimeouts.dialTimeout=2s",
        "--serversTransport.forwardingTimeouts.responseHeaderTimeout=12s",
        // Long enough for the cluster to stop sending requests to a pod that ends.
        "--entryPoints.web.transport.lifeCycle.requestAcceptGraceTimeout=5s",
        "--entryPoints.web.transport.lifeCycle.graceTimeOut=15s",
        "--entryPoints.admin.address=:9090",
        "--ping=true",
        "--ping.entryPoint=admin",
        "--providers.file.filename=/etc/tracklore/routes.yaml",
        "--providers.file.watch=false",
        "--log.format=json",
        "--log.level=INFO",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    ]);
    if !gateway.trusted_proxies.is_empty() {
        let trusted = gateway.trusted_proxies.join(",");
        arguments.push(format!("--entryPoints.web.forwardedHeaders.trustedIPs={trusted}"));
    }
    arguments
}

/// How long a connection may take to send a request, in seconds. It also ends answers that go on: streams, which end with
/// their access token anyway. Services cut requests that are slow to come after ten seconds by themselves.
fn read_timeout(stack: &ValidStack) -> u64 {
    const LONGEST_TOKEN: u64 = 3600;
    let lifetime = stack.auth.access_token_ttl.parse::<jiff::SignedDuration>();
    lifetime.map_or(LONGEST_TOKEN, |lifetime| lifetime.unsigned_abs().as_secs()) + 30
}

/// The address that leads from outside to the gateway.
pub fn service(stack: &ValidStack, gateway: &Traefik) -> Address {
    let mut port = address::port("web", 80);
    port.node_port = gateway.service.node_port;
    let mut service = address::address(stack, &stack.names.of(COMPONENT), COMPONENT, vec![port]);
    if let Some(spec) = &mut service.spec {
        spec.type_ = Some(gateway.service.type_.as_str().to_owned());
    }
    service
}

/// The Deployment.
pub fn deployment(stack: &ValidStack, gateway: &Traefik, config: &ConfigMap) -> Deployment {
    let name = stack.names.of(COMPONENT);
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        ..ContainerPort::default()
    };
    let container = Container {
        name: "traefik".into(),
        image: Some(stack.images.traefik.clone()),
        command: Some(pod::words(&["traefik"])),
        args: Some(arguments(stack, gateway)),
        ports: Some(vec![port("web", 8000), port("admin", 9090)]),
        resources: Some(pod::resources(&gateway.resources, ("50m", "64Mi"), "256Mi")),
        startup_probe: Some(Timing::STARTUP.http("/ping", "admin")),
        readiness_probe: Some(Timing::READINESS.http("/ping", "admin")),
        liveness_probe: Some(Timing::LIVENESS.http("/ping", "admin")),
        volume_mounts: Some(vec![pod::read_only("config", "/etc/tracklore"), pod::mount("tmp", "/tmp")]),
        ..Container::default()
    };
    let volumes = vec![pod::config_volume("config", &name), pod::scratch("tmp", "64Mi")];
    let mut spec = pod::spec(stack, USER, container, volumes);
    spec.topology_spread_constraints = service_deployment::spread(stack, COMPONENT);
    stack.placement(COMPONENT).place(&mut spec);
    let template = pod::template(stack.names.labels(COMPONENT), Some(config_map::files_digest(config)), spec);
    service_deployment::rolling(stack, COMPONENT, Some(gateway.replicas), template)
}
