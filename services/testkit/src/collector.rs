//! Where the services of a test send their traces: a collector that understands OTLP, and tells what it got. It is a real
//! Jaeger where `TRACKLORE_TEST_JAEGER` names the program, else a listener in this process; tests can't tell which.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    task::AbortHandle,
};

use crate::{eventually, stack::free_ports};

/// Jaeger's settings, also those of `make observe`.
const JAEGER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/observe/jaeger.yaml");

/// A collector of traces; it ends when it is dropped.
pub struct Collector {
    endpoint: String,
    kept: Kept,
}

/// A span that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSpan {
    /// Its trace, as 32 hexadecimal digits.
    pub trace: String,
    /// Its id, as 16 hexadecimal digits.
    pub id: String,
    /// The span that it is a step of.
    pub parent: Option<String>,
    /// `service.name`.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Whether it failed.
    pub failed: bool,
}

enum Kept {
    Here { spans: Arc<Mutex<Vec<SeenSpan>>>, server: AbortHandle },
    Jaeger { query: String, http: reqwest::Client, _process: Box<Child> },
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        match std::env::var("TRACKLORE_TEST_JAEGER") {
            Ok(program) if !program.is_empty() => Self::jaeger(&program).await,
            _ => Self::here().await,
        }
    }

    /// What to set `TRACKLORE_OTLP_ENDPOINT` to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What has come in of a trace.
    pub async fn trace(&self, trace: &str) -> Vec<SeenSpan> {
        match &self.kept {
            Kept::Here { spans, .. } => {
                let spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
                spans.iter().filter(|span| span.trace == trace).cloned().collect()
            }
            Kept::Jaeger { query, http, .. } => {
                let answer = http.get(format!("{query}/api/traces/{trace}")).send().await;
                let answer: Value = answer.expect("Jaeger answers").json().await.expect("JSON");
                of_jaeger(&answer)
            }
        }
    }

    async fn here() -> Self {
        let spans = Arc::<Mutex<Vec<SeenSpan>>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await }).abort_handle();
        Self { endpoint, kept: Kept::Here { spans, server } }
    }

    async fn jaeger(program: &str) -> Self {
        let [query, otlp, _] = free_ports().map(|port| format!("127.0.0.1:{port}"));
        let process = Command::new(program)
            .args(["--config", JAEGER])
            .envs([("JAEGER_QUERY_LISTEN", &query), ("JAEGER_OTLP_LISTEN", &otlp)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Jaeger starts");
        let (query, http) = (format!("http://{query}"), crate::http());
        eventually("Jaeger answers", async || {
            http.get(format!("{query}/api/services")).send().await.ok().filter(|a| a.status().is_success())
        })
        .await;
        Self {
            endpoint: format!("http://{otlp}"),
            kept: Kept::Jaeger { query, http, _process: Box::new(process) },
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if let Kept::Here { server, .. } = &self.kept {
            server.abort();
        }
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<SeenSpan>>>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("a request of the protocol");
    for of_process in request.resource_spans {
        let attributes = of_process.resource.map(|resource| resource.attributes).unwrap_or_default();
        let name = attributes.into_iter().find(|pair| pair.key == "service.name").and_then(|pair| pair.value);
        let service = match name.and_then(|name| name.value) {
            Some(any_value::Value::StringValue(name)) => name,
            other => panic!("service.name is {other:?}"),
        };
        let seen = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.extend(seen.map(|span| of_otlp(&service, span)));
    }
}

fn of_otlp(service: &str, span: Span) -> SeenSpan {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8), "ids of the protocol's length");
    assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano);
    SeenSpan {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        service: service.to_owned(),
        name: span.name,
        failed: span.status.is_some_and(|status| status.code == i32::from(StatusCode::Error)),
    }
}

/// The spans in an answer of Jaeger's API; none when it doesn't know the trace (yet).
fn of_jaeger(answer: &Value) -> Vec<SeenSpan> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let Some(trace) = answer.pointer("/data/0") else { return Vec::new() };
    let spans = trace.get("spans").and_then(Value::as_array).expect("a list of spans");
    let seen = spans.iter().map(|span| {
        let get = |name: &str| span.get(name).unwrap_or(&Value::Null);
        let process = trace.pointer(&format!("/processes/{}/serviceName", text(get("processID"))));
        let tags = get("tags").as_array().cloned().unwrap_or_default();
        SeenSpan {
            trace: text(get("traceID")),
            id: text(get("spanID")),
            parent: get("references").pointer("/0/spanID").map(text),
            service: process.map(text).expect("a service"),
            name: text(get("operationName")),
            failed: tags.iter().any(|tag| tag.get("key").is_some_and(|key| key == "error")),
        }
    });
    seen.collect()
}
