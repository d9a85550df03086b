//! What wraps every route: request id and trace, log line and metric, problem bodies, panics, time-outs, body limit.

mod measured;

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    str::FromStr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio_util::sync::CancellationToken;
use tower_http::cors::CorsLayer;
use tracklore_telemetry::log::About;

use self::measured::Active;
use crate::{
    client_address, deadline, extract,
    problem::Problem,
    trace::{Described, Kind, Span, TRACEPARENT, TraceContext},
};

/// Requests are answered within this time or cut (503).
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// In an answer that gets no line in the log, because another service's line tells of the same request.
#[derive(Clone, Copy, Debug)]
pub struct Unlogged;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Whether a feed may still miss something; listed here because browsers hide headers that CORS doesn't name.
const X_FEED_STATE: HeaderName = HeaderName::from_static("x-feed-state");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Wraps a service's routes; `allowed_origins` are the exact origins that browsers may call from, `trusted_hops` the
/// proxies that are believed about the client's address. Once `draining` is cancelled, each answer is the last one of its
/// connection: at the end none is left on which a request could come just while it is closed.
pub fn wrap(
    routes: Router,
    allowed_origins: &[HeaderValue],
    trusted_hops: usize,
    draining: CancellationToken,
) -> Router {
    let mut routes = routes
        .fallback(async || Problem::not_found("There is nothing at this address."))
        .layer(middleware::from_fn_with_state(trusted_hops, guard));
    if !allowed_origins.is_empty() {
        routes = routes.layer(cors(allowed_origins));
    }
    routes.layer(middleware::from_fn_with_state(draining, observe))
}

fn cors(allowed_origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allowed_origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
            X_REQUEST_ID,
        ])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, X_FEED_STATE, X_REQUEST_ID])
        .max_age(Duration::from_mins(10))
}

/// Gives the request its id and trace, and finishes the answer: problem body, common headers, log line, metric.
async fn observe(State(draining): State<CancellationToken>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let caller = request
        .headers()
        .get(TRACEPARENT)
        .and_then(|value| TraceContext::from_str(value.to_str().ok()?).ok());
    let span = Span::entry_from_anybody(Kind::Server, caller);
    let method = measured::method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let active = Active::new(method);
    let answering = async {
        let mut response = next.run(request).await;
        let code = finish(&mut response, &request_id);
        // A WebSocket that just begins has this header, with another word.
        if draining.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let took = started.elapsed();
        if response.extensions().get::<Unlogged>().is_none() {
            log(method, route, response.status(), code, took);
        }
        (response, took)
    };
    // who calls is added as soon as it is known, so that refusals tell who was refused
    let about = About::default().with("request_id", request_id.clone());
    let (response, took) = span.run(about.scope(answering)).await;
    let status = response.status();
    measured::record(method, route, status, took);
    drop(active);
    span.end(status.is_server_error(), || described(method, route, status, request_id));
    response
}

fn log(method: &'static str, route: &str, status: StatusCode, code: Option<&str>, took: Duration) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method, route, status = status.as_u16(), code, duration_ms, "answered");
}

fn described(method: &'static str, route: &str, status: StatusCode, request_id: String) -> Described {
    let described = Described::new(format!("{method} {route}"))
        .with("http.request.method", method)
        .with("http.route", route.to_owned())
        .with("http.response.status_code", status.as_u16())
        .with("tracklore.request_id", request_id);
    if status.is_server_error() { described.failed(status) } else { described }
}

/// Completes the answer; the problem's code, if it is one.
fn finish(response: &mut Response, request_id: &str) -> Option<&'static str> {
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| bare_failure(response.status()));
    if let Some(problem) = &problem {
        let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        *response.body_mut() = body.into();
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    problem.map(|problem| problem.code())
}

/// Failures that the router answers by itself have no body yet.
fn bare_failure(status: StatusCode) -> Option<Problem> {
    (status == StatusCode::METHOD_NOT_ALLOWED).then(|| {
        Problem::new(
            status,
            "method-not-allowed",
            "This address doesn't know this method; Allow lists those it knows.",
        )
    })
}

/// The client's id when it is sane (1–128 of letters, digits, `-_.:`), else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// Notes where the request comes from, and ends what takes too much or too long, or panics.
async fn guard(State(trusted_hops): State<usize>, mut request: Request, next: Next) -> Response {
    client_address::note(trusted_hops, &mut request);
    if announced_length(request.headers()) > extract::MAX_BODY {
        extract::discard(request.into_body()).await;
        return extract::too_large().into_response();
    }
    let answer = deadline::within(REQUEST_TIMEOUT, next.run(request));
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::unavailable().into_response(),
        Err(panic) => after_panic(panic.as_ref()),
    }
}

/// What refuses before anything is read; [`extract::read_body`] counts where nothing is announced.
fn announced_length(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or(0)
}

fn after_panic(panic: &(dyn Any + Send)) -> Response {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    Problem::internal(&std::io::Error::other(format!("panic: {said}"))).into_response()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, routing::post};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::extract::Json;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Greeting {
        name: String,
    }

    fn app() -> Router {
        let routes = Router::new()
            .route("/greet", post(async |Json(greeting): Json<Greeting>| greeting.name))
            .route("/panic", post(async || -> String { panic!("secret of the inside") }));
        wrap(routes, &[HeaderValue::from_static("https://app.example")], 0, CancellationToken::new())
    }

    async fn call(
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> (StatusCode, HeaderMap, serde_json::Value) {
        let response = app().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    fn greet() -> http::request::Builder {
        Request::post("/greet").header("content-type", "application/json")
    }

    #[tokio::test]
    async fn every_kind_of_bad_request_is_a_problem_with_its_own_code() {
        let big = format!(r#"{{"name":"{}"}}"#, "x".repeat(70_000));
        for (request, body, status, code) in [
            (greet(), "{".to_owned(), 400, "malformed-request"),
            (greet(), r#"{"name":7}"#.to_owned(), 400, "malformed-request"),
            (greet(), r#"{"name":"x","more":1}"#.to_owned(), 400, "malformed-request"),
            (greet(), r#" ["x"]"#.to_owned(), 400, "malformed-request"),
            (greet(), big.clone(), 413, "payload-too-large"),
            (greet().header("content-length", "70011"), big, 413, "payload-too-large"),
            (Request::post("/greet"), "{}".to_owned(), 415, "unsupported-media-type"),
            (greet().header("content-encoding", "gzip"), "{}".to_owned(), 415, "unsupported-media-type"),
            (
                Request::post("/greet").header("content-type", "application/json; charset=latin1"),
                "{}".to_owned(),
                415,
                "unsupported-media-type",
            ),
            (Request::get("/greet"), String::new(), 405, "method-not-allowed"),
            (Request::get("/nowhere"), String::new(), 404, "not-found"),
            (Request::post("/panic"), String::new(), 500, "internal-error"),
        ] {
            let (got, headers, problem) = call(request, body).await;
            assert_eq!((got.as_u16(), problem["code"].as_str().unwrap()), (status, code));
            assert_eq!(headers["content-type"], "application/problem+json");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(problem["request_id"].as_str().unwrap(), headers["x-request-id"]);
            assert!(!problem.to_string().contains("secret of the inside"));
            assert_eq!(headers.contains_key("allow"), status == 405);
        }
    }

    #[tokio::test]
    async fn while_it_drains_each_answer_is_the_last_on_its_connection() {
        let draining = CancellationToken::new();
        let switch = async || StatusCode::SWITCHING_PROTOCOLS;
        let routes = Router::new().route("/ok", post(async || "ok")).route("/switch", post(switch));
        let app = wrap(routes, &[], 0, draining.clone());
        let said = async |path: &str| {
            let request = Request::post(path).body(Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap().headers().get("connection").cloned()
        };
        assert_eq!(said("/ok").await, None);
        draining.cancel();
        let close = Some(HeaderValue::from_static("close"));
        assert_eq!((said("/ok").await, said("/nowhere").await), (close.clone(), close));
        assert_eq!(said("/switch").await, None, "a WebSocket begins");
    }

    #[tokio::test]
    async fn a_sane_request_id_is_kept_and_an_insane_one_replaced() {
        let (_, headers, _) = call(greet().header("x-request-id", "abc-1"), "{}").await;
        assert_eq!(headers["x-request-id"], "abc-1");
        let (_, headers, _) = call(greet().header("x-request-id", "a b"), "{}").await;
        assert_ne!(headers["x-request-id"], "a b");
    }

    #[tokio::test]
    async fn only_the_configured_origin_may_call_from_a_browser() {
        let preflight = |origin| {
            Request::options("/greet")
                .header("origin", origin)
                .header("access-control-request-method", "POST")
        };
        let (_, headers, _) = call(preflight("https://app.example"), "").await;
        assert_eq!(headers["access-control-allow-origin"], "https://app.example");
        let (_, headers, _) = call(preflight("https://evil.example"), "").await;
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
}
