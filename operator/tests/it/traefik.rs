//! The gateway of a stack as the operator configures it, in a container, with services behind it that tell what they saw.

use std::{
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    stack::{
        build::{self, GATEWAY_ROUTES},
        kinds::Child,
        observed::Observed,
        validate,
    },
};
use tracklore_testkit::{Mounted, eventually, free_ports, http};

/// The only token that the auth of these tests knows, and whose it is.
pub const TOKEN: &str = "the-good-one";
/// The user of [`TOKEN`].
pub const USER: &str = "42";

/// Where a service reads a request and ends the connection without an answer.
pub const CUT: &str = "/v1/posts/cut";

const SERVICES: [&str; 4] = ["auth", "user", "posts", "feed"];

/// A request as a service saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which service.
    pub service: &'static str,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A running gateway; gone when dropped.
pub struct Gateway {
    /// `host:port` of its HTTP.
    pub address: String,
    /// `host:port` of its HTTPS, where it has one.
    pub tls_address: String,
    container: String,
    seen: Log,
    routes: String,
    files: Mounted,
}

/// The name and content of a file.
type File = (&'static str, String);

impl Gateway {
    /// Starts the gateway of a stack whose `gateway.traefik` is this.
    pub async fn start(traefik: Value) -> Self {
        Self::of(json!({"traefik": traefik}), &[]).await
    }

    /// Starts the gateway of a stack whose `gateway` is this, with this certificate.
    pub async fn of(gateway: Value, certificate: &[File]) -> Self {
        let seen = Log::default();
        let (mut routes, arguments) = configuration(&gateway);
        for service in SERVICES {
            let port = echo(service, seen.clone()).await;
            routes =
                routes.replace(&format!("http://demo-{service}:8080"), &format!("http://127.0.0.1:{port}"));
        }
        let files = Mounted::new(&all_files(&routes, certificate));
        let [web, secure, admin] = free_ports();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let arguments = arguments.into_iter().map(|argument| {
            argument
                .replace("address=:8000", &format!("address={}", address(web)))
                .replace("address=:8443", &format!("address={}", address(secure)))
                .replace("address=:9090", &format!("address={}", address(admin)))
        });
        let folder = files.path().display();
        let container = format!("tracklore-test-gateway-{web}");
        let mut run = Command::new("docker");
        run.args([
            "run",
            "-d",
            "--name",
            &container,
            "--network",
            "host",
            "--user",
            "65532:65532",
            "--read-only",
        ])
        .args(["-v", &format!("{folder}:/etc/tracklore:ro")])
        .args(["--entrypoint", "traefik", "docker.io/library/traefik:v3.7.9"])
        .args(arguments);
        succeeds(&run.output().unwrap());

        let gateway =
            Self { address: address(web), tls_address: address(secure), container, seen, routes, files };
        let (http, ping) = (http(), format!("http://{}/ping", address(admin)));
        eventually("the gateway has its routes", async || {
            http.get(&ping).send().await.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
        gateway
    }

    /// Puts another certificate in the place of the one it has.
    pub fn renew(&self, certificate: &[File]) {
        self.files.replace(&all_files(&self.routes, certificate));
    }

    /// Its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What services saw since this was asked last, without the questions to auth.
    pub fn seen(&self) -> Vec<Seen> {
        let all = std::mem::take(&mut *self.seen.lock().unwrap());
        all.into_iter().filter(|seen| seen.target != "/v1/auth/verify").collect()
    }

    /// Sends these very bytes, and reads what comes until the gateway closes the connection or has nothing more to say.
    pub async fn raw(&self, bytes: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        // It may close before all is sent.
        let _ = stream.write_all(bytes.as_bytes()).await;
        let mut answer = Vec::new();
        let quiet = Duration::from_secs(2);
        let mut piece = [0; 4096];
        while let Ok(Ok(length)) = tokio::time::timeout(quiet, stream.read(&mut piece)).await {
            if length == 0 {
                break;
            }
            answer.extend_from_slice(&piece[..length]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = Command::new("docker").args(["logs", &self.container]).output();
            eprintln!("the gateway's log:\n{}", logs.as_ref().map_or_else(ToString::to_string, text));
        }
        let _ = Command::new("docker").args(["rm", "-f", &self.container]).output();
    }
}

/// What the gateway's volume holds.
fn all_files(routes: &str, certificate: &[File]) -> Vec<File> {
    let mut files = vec![("routes/routes.yaml", routes.to_owned())];
    files.extend_from_slice(certificate);
    files
}

/// The routes and the arguments that the operator gives.
fn configuration(gateway: &Value) -> (String, Vec<String>) {
    let scheme = if gateway["traefik"].get("tls").is_some() { "https" } else { "http" };
    let stack: TrackloreStack = serde_json::from_value(json!({
        "apiVersion": "tracklore.io/v1alpha1",
        "kind": "TrackloreStack",
        "metadata": {"name": "demo", "namespace": "demo", "uid": "uid"},
        "spec": {
            "version": "0.1.0", "publicUrl": format!("{scheme}://localhost"),
            "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
            "auth": {"emailVerification": "Optional"},
            "gateway": gateway,
        },
    }))
    .unwrap();
    let stack = validate::validate(&stack).unwrap();
    let mut observed = Observed::default();
    // The certificate's Secret is there.
    for secret in tracklore_operator::stack::given::given(&stack) {
        let keys = secret.keys.iter().map(|key| (*key).to_owned()).collect();
        let seen = tracklore_operator::stack::given::GivenSeen {
            keys,
            digest: "1".to_owned(),
            ..Default::default()
        };
        observed.given.insert(secret.name, seen);
    }
    let gateway = |child| match child {
        Child::Deployment(deployment) if deployment.metadata.name.as_deref() == Some("demo-gateway") => {
            Some(deployment)
        }
        _ => None,
    };
    let gateway = build::plan(&stack, &observed, &[]).children.into_iter().find_map(gateway);
    let template = gateway.unwrap().spec.unwrap().template;
    let routes = template.metadata.unwrap().annotations.unwrap().remove(GATEWAY_ROUTES).unwrap();
    (routes, template.spec.unwrap().containers.remove(0).args.unwrap())
}

/// A service that tells what it sees; its port.
async fn echo(service: &'static str, log: Log) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(answer).with_state((service, log));
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

async fn answer(State((service, log)): State<(&'static str, Log)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // What comes after the body must be taken for what it is.
    drop(axum::body::to_bytes(body, 1 << 20).await);
    let target = parts.uri.to_string();
    log.lock().unwrap().push(Seen { service, target: target.clone(), headers: parts.headers.clone() });
    if target == CUT {
        // The connection goes with its task, and no hook prints why.
        std::panic::resume_unwind(Box::new("cut"));
    }
    if service == "auth" && target == "/v1/auth/verify" {
        let token = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        if token != Some(&format!("Bearer {TOKEN}")) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        return [("X-User-ID", USER), ("X-Session-ID", "s"), ("X-Scope", "")].into_response();
    }
    Json(json!({"service": service, "target": target})).into_response()
}

/// What a program printed.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", text(output));
}
