//! What the gateway does with a request: which service it goes to, and what happens to it on the way.

use serde_json::{Map, Value, json};

use super::FOLDER;
use crate::{
    api::v1alpha1::Traefik,
    stack::{component::Service, validate::ValidStack},
};

/// Headers that say who a request is from. Only auth's answer may set them.
pub const IDENTITY: [&str; 3] = ["X-User-ID", "X-Session-ID", "X-Scope"];
/// How long browsers remember that the address is HTTPS, in seconds: a year.
const STRICT_TRANSPORT: u32 = 31_536_000;

/// What leads to a service.
pub struct Route {
    name: &'static str,
    /// These paths and all below them.
    pub paths: &'static [&'static str],
    /// The service.
    pub service: Service,
    /// Whether requests with `Authorization` are shown to auth first, and counted by user. Auth's own aren't: who refreshes or
    /// logs in may hold a token that has expired. Nor are they counted by a token that nobody has checked, of which anybody can
    /// invent any number.
    checked: bool,
}

/// What can be reached from outside. Of two that lead to a path the longer one holds.
pub const ROUTES: [Route; 9] = [
    Route { name: "auth", paths: &["/v1/auth"], service: Service::Auth, checked: false },
    Route { name: "jwks", paths: &["/.well-known/jwks.json"], service: Service::Auth, checked: false },
    Route { name: "user", paths: &["/v1/users", "/v1/badges"], service: Service::User, checked: true },
    Route { name: "posts", paths: &["/v1/posts"], service: Service::Posts, checked: true },
    Route { name: "feed", paths: &["/v1/feed"], service: Service::Feed, checked: true },
    // One page shows the documents of all services. Each service has that page.
    Route { name: "docs", paths: &["/docs"], service: Service::Auth, checked: false },
    Route { name: "docs-user", paths: &["/docs/user"], service: Service::User, checked: false },
    Route { name: "docs-posts", paths: &["/docs/posts"], service: Service::Posts, checked: false },
    Route { name: "docs-feed", paths: &["/docs/feed"], service: Service::Feed, checked: false },
];

/// Traefik's routes.
pub fn routes(stack: &ValidStack, gateway: &Traefik) -> Value {
    let services: Map<_, _> = Service::ALL
        .into_iter()
        .map(|service| {
            let url = format!("http://{}:8080", stack.names.child(service.as_str()));
            (service.as_str().to_owned(), json!({"loadBalancer": {"servers": [{"url": url}]}}))
        })
        .collect();
    let http = json!({
        "routers": Routers::of(stack, gateway), "services": services, "middlewares": middlewares(stack, gateway),
    });
    if gateway.tls.is_none() {
        return json!({ "http": http });
    }
    let certificate =
        json!({"certFile": format!("{FOLDER}/tls.crt"), "keyFile": format!("{FOLDER}/tls.key")});
    json!({
        "http": http,
        "tls": {
            // Whatever name the client asks for: the certificate says whether it is one of its own.
            "stores": {"default": {"defaultCertificate": certificate}},
            "options": {"default": {"minVersion": "VersionTLS12"}},
        },
    })
}

struct Routers<'a> {
    gateway: &'a Traefik,
    all: Map<String, Value>,
}

impl Routers<'_> {
    fn of(stack: &ValidStack, gateway: &Traefik) -> Map<String, Value> {
        let mut routers = Routers { gateway, all: Map::new() };
        let host = any(stack.hostnames.iter().map(|name| host(name)));
        for route in &ROUTES {
            let paths = route.paths.iter().map(|path| format!("Path(`{path}`) || PathPrefix(`{path}/`)"));
            let rules = [host.clone(), any(paths)];
            let rule = rules.into_iter().flatten().collect::<Vec<_>>().join(" && ");
            routers.add(route.name, &rule, route.service, &[]);
            if route.checked {
                let rule = format!("{rule} && HeaderRegexp(`Authorization`, `.`)");
                let name = format!("{}-checked", route.name);
                routers.add(&name, &rule, route.service, &["verify", "per-user"]);
            }
        }
        let ping = json!({"rule": "Path(`/ping`)", "entryPoints": ["admin"], "service": "ping@internal"});
        routers.all.insert("ping".to_owned(), ping);
        // A service says best that there is nothing: as a problem document, with the request's id.
        routers.add("nothing", "PathPrefix(`/`)", Service::Auth, &["nowhere"]);
        routers.all
    }

    /// Where several rules fit a request, that of the longest text holds.
    fn add(&mut self, name: &str, rule: &str, service: Service, further: &[&str]) {
        let mut middlewares = vec!["per-address", "anonymous", "headers", "redial"];
        middlewares.extend(further);
        let (entry, tls) = match self.gateway.tls {
            Some(_) => ("websecure", json!({})),
            None => ("web", Value::Null),
        };
        let router = json!({
            "rule": rule,
            "entryPoints": [entry],
            "tls": tls,
            "service": service.as_str(),
            "middlewares": middlewares,
        });
        self.all.insert(name.to_owned(), router);
    }
}

/// The rule that any of these fits; none where there are none.
fn any(rules: impl Iterator<Item = String>) -> Option<String> {
    let rules: Vec<_> = rules.collect();
    (!rules.is_empty()).then(|| format!("({})", rules.join(" || ")))
}

/// The rule of a name, or of all names of one more part.
fn host(name: &str) -> String {
    match name.strip_prefix("*.") {
        Some(rest) => format!(r"HostRegexp(`^[^.]+\.{}$`)", rest.replace('.', r"\.")),
        None => format!("Host(`{name}`)"),
    }
}

fn middlewares(stack: &ValidStack, gateway: &Traefik) -> Value {
    let removed: Map<_, _> = IDENTITY.into_iter().map(|header| (header.to_owned(), json!(""))).collect();
    let strict_transport = if gateway.tls.is_some() { STRICT_TRANSPORT } else { 0 };
    // What the outermost of the proxies that are trusted has seen stands so far from the end of X-Forwarded-For.
    let depth = gateway.proxies();
    json!({
        "anonymous": {"headers": {"customRequestHeaders": removed}},
        "headers": {"headers": {
            "contentTypeNosniff": true,
            "frameDeny": true,
            "referrerPolicy": "no-referrer",
            "stsSeconds": strict_transport,
        }},
        // A request of which nothing was sent yet, since the connection was refused, is tried again: whatever its method.
        "redial": {"retry": {"attempts": 4, "initialInterval": "100ms"}},
        "nowhere": {"replacePath": {"path": "/nothing-here"}},
        "verify": {"forwardAuth": {
            "address": format!("http://{}:8080/v1/auth/verify", stack.names.child("auth")),
            "authResponseHeaders": IDENTITY,
            "authRequestHeaders": ["Authorization", "X-Request-Id", "traceparent"],
            "trustForwardHeader": false,
            "maxResponseBodySize": 65536,
        }},
        "per-user": limit(gateway.rate_limit.per_user, &json!({"requestHeaderName": "X-User-ID"})),
        "per-address": limit(
            gateway.rate_limit.per_address,
            &json!({"ipStrategy": {"depth": depth, "ipv6Subnet": 64}}),
        ),
    })
}

/// So many requests per second of each of something; 0 is no limit.
fn limit(requests: i64, of: &Value) -> Value {
    json!({"rateLimit": {"average": requests, "burst": 2 * requests, "period": "1s", "sourceCriterion": of}})
}
