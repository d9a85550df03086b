//! The gateway: Traefik, told by a file. It needs no rights in the cluster.

pub mod routes;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{Container, ContainerPort, Service as Address},
};

use super::{
    address,
    pod::{self, Timing},
    secrets, service_deployment, spread,
};
use crate::{
    api::v1alpha1::{GatewayServiceType, Traefik},
    stack::{component::Component, validate::ValidStack},
};

const COMPONENT: Component = Component::Gateway;
const USER: i64 = 65532;
/// Where routes and certificate lie, in one volume: Traefik reads all again whenever something in this folder changes, and so takes
/// a renewed certificate while it runs. It looks for routes in folders below, but not in links, of which the kubelet makes the
/// volume's uppermost level: so the routes are a level deeper, else it would find them twice.
const FOLDER: &str = "/etc/tracklore";
/// The annotation of a pod that holds its routes. Not a `ConfigMap`: a pod that runs must keep those that fit its arguments, since
/// it would take others as soon as they are there.
pub const ROUTES: &str = "tracklore.io/routes";

/// How Traefik is told what doesn't change while it runs.
pub fn arguments(stack: &ValidStack, gateway: &Traefik) -> Vec<String> {
    let mut arguments = pod::words(&[
        // Services answer within ten seconds, or are gone.
        "--serversTransport.forwardingTimeouts.dialTimeout=2s",
        "--serversTransport.forwardingTimeouts.responseHeaderTimeout=12s",
        // A service that stops answers for ten seconds, each time as the last on its connection. Those that rest are given up
        // sooner than it closes them, so no request is lost to one that closes.
        "--serversTransport.forwardingTimeouts.idleConnTimeout=3s",
        "--entryPoints.admin.address=:9090",
        "--ping=true",
        // Told by the routes, so that a pod isn't ready before it has them.
        "--ping.manualRouting=true",
        "--metrics.prometheus=true",
        "--metrics.prometheus.entryPoint=admin",
        "--providers.file.watch=true",
        "--log.format=json",
        "--log.level=INFO",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    ]);
    arguments.push(format!("--providers.file.directory={FOLDER}"));
    arguments.extend(entry(stack, gateway, "web", 8000));
    if gateway.tls.is_some() {
        arguments.extend(entry(stack, gateway, "websecure", 8443));
        arguments.extend(pod::words(&[
            "--entryPoints.web.http.redirections.entryPoint.to=:443",
            "--entryPoints.web.http.redirections.entryPoint.scheme=https",
        ]));
    }
    arguments
}

/// A port that clients reach.
fn entry(stack: &ValidStack, gateway: &Traefik, name: &str, port: u16) -> Vec<String> {
    let mut settings = vec![
        format!("address=:{port}"),
        format!("transport.respondingTimeouts.readTimeout={}s", read_timeout(stack)),
        // Long enough for the cluster and what balances before it to stop sending requests to a pod that ends: where nodes are
        // busy that was seen to take eight seconds. Both together are less than the pod's termination grace period.
        "transport.lifeCycle.requestAcceptGraceTimeout=10s".to_owned(),
        "transport.lifeCycle.graceTimeOut=15s".to_owned(),
        // A token takes less than one KiB; nothing else that is long belongs into a header.
        "http.maxHeaderBytes=32768".to_owned(),
    ];
    // Servers that take an underscore for a hyphen would see an identity that nobody has checked.
    settings.push("http.underscoreHeadersStrategy=delete".to_owned());
    // No address of ours has these, and what one program takes for a slash another doesn't.
    let misread = ["Slash", "BackSlash", "NullCharacter", "Semicolon", "Percent", "QuestionMark", "Hash"];
    settings.extend(misread.map(|what| format!("http.encodedCharacters.allowEncoded{what}=false")));
    if !gateway.trusted_proxies.is_empty() {
        settings.push(format!("forwardedHeaders.trustedIPs={}", gateway.trusted_proxies.join(",")));
    }
    settings.into_iter().map(|setting| format!("--entryPoints.{name}.{setting}")).collect()
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
    let mut ports = vec![address::port("web", 80)];
    if gateway.tls.is_some() {
        // The one that people are given comes first.
        ports.insert(0, address::port("websecure", 443));
    }
    if let Some(port) = ports.first_mut() {
        port.node_port = gateway.service.node_port;
    }
    let mut service = address::address(stack, &stack.names.of(COMPONENT), COMPONENT, ports);
    if let Some(spec) = &mut service.spec {
        spec.type_ = Some(gateway.service.type_.as_str().to_owned());
        spec.external_traffic_policy = (gateway.service.type_ != GatewayServiceType::ClusterIP)
            .then(|| gateway.service.external_traffic_policy.as_str().to_owned());
    }
    service
}

/// The Deployment.
pub fn deployment(stack: &ValidStack, gateway: &Traefik) -> Deployment {
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        ..ContainerPort::default()
    };
    let mut ports = vec![port("web", 8000), port("admin", 9090)];
    let mounts = vec![pod::read_only("config", FOLDER), pod::mount("tmp", "/tmp")];
    let mut files = vec![pod::projected_annotation(ROUTES, "routes/routes.yaml")];
    if let Some(tls) = &gateway.tls {
        ports.push(port("websecure", 8443));
        files.push(pod::projected_secret(&secrets::certificate(&stack.names, tls), &["tls.crt", "tls.key"]));
    }
    let volumes = vec![pod::projected_volume("config", files), pod::scratch("tmp", "64Mi")];
    let container = Container {
        name: "traefik".into(),
        image: Some(stack.images.traefik.clone()),
        command: Some(pod::words(&["traefik"])),
        args: Some(arguments(stack, gateway)),
        ports: Some(ports),
        resources: Some(pod::resources(&gateway.resources, ("50m", "64Mi"), "256Mi")),
        startup_probe: Some(Timing::STARTUP.http("/ping", "admin")),
        readiness_probe: Some(Timing::READINESS.http("/ping", "admin")),
        liveness_probe: Some(Timing::LIVENESS.http("/ping", "admin")),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let mut spec = pod::spec(stack, USER, container, volumes);
    spec.topology_spread_constraints = spread::constraints(stack, COMPONENT);
    stack.placement(COMPONENT).place(&mut spec);
    let mut template = pod::template(stack.names.labels(COMPONENT), None, spec);
    // JSON is YAML too.
    let routes = routes::routes(stack, gateway).to_string();
    template.metadata.get_or_insert_default().annotations = Some([(ROUTES.to_owned(), routes)].into());
    service_deployment::rolling(stack, COMPONENT, Some(gateway.replicas), template)
}
