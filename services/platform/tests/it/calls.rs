//! Calls to another service that is slow, cut off, half-open, or in trouble.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracklore_platform::{
    args::{ServiceClientArgs, TrustArgs},
    deadline,
    service_client::{CallError, ServiceClient, ServiceTokens},
};
use tracklore_testkit::{Fault, Proxy, eventually};

/// The other service, and auth at the same address.
#[derive(Clone, Default)]
struct Other {
    asked: Arc<AtomicUsize>,
    tokens: Arc<AtomicUsize>,
    /// Seconds that a token lives; 0 gives none.
    life: Arc<AtomicU64>,
    /// So many answers are this status first.
    failures: Arc<AtomicUsize>,
    status: Arc<AtomicU16>,
}

async fn token(State(other): State<Other>) -> Result<Json<Value>, StatusCode> {
    let life = other.life.load(Ordering::Relaxed);
    if life == 0 {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let number = other.tokens.fetch_add(1, Ordering::Relaxed);
    Ok(Json(json!({"access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": life})))
}

async fn thing(
    State(other): State<Other>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    assert!(headers.get("authorization").unwrap().to_str().unwrap().starts_with("Bearer token-"));
    other.asked.fetch_add(1, Ordering::Relaxed);
    let fails = |left: usize| left.checked_sub(1);
    if other.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
        return Err(StatusCode::from_u16(other.status.load(Ordering::Relaxed)).unwrap());
    }
    Ok(Json(json!({"id": id})))
}

impl Other {
    async fn start() -> (Self, Proxy, ServiceClient) {
        let other = Self::default();
        other.life.store(300, Ordering::Relaxed);
        let routes = Router::new()
            .route("/internal/v1/token", post(token))
            .route("/things/{id}", get(thing))
            .with_state(other.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::before(&listener.local_addr().unwrap().to_string()).await;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let args = ServiceClientArgs {
            auth_internal_url: proxy.url(),
            client_id: "feed".to_owned(),
            client_secret: "secret".to_owned().into(),
        };
        let tokens = ServiceTokens::new(&args, TrustArgs::default().client().unwrap());
        let client = tokens.client("other", &proxy.url());
        (other, proxy, client)
    }

    fn fail(&self, times: usize, status: u16) {
        self.status.store(status, Ordering::Relaxed);
        self.failures.store(times, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn get_thing(client: &ServiceClient, id: &str) -> Result<Option<Value>, CallError> {
    client.get(&format!("/things/{id}")).await
}

fn is_away(answer: &Result<Option<Value>, CallError>) -> bool {
    matches!(answer, Err(CallError::Unavailable { service: "other", .. }))
}

#[tokio::test]
async fn a_failure_that_passes_isnt_noticed_and_a_refusal_isnt_asked_again() {
    let (other, _proxy, client) = Other::start().await;
    other.fail(2, 503);
    assert_eq!(get_thing(&client, "7").await.unwrap(), Some(json!({"id": "7"})));
    assert_eq!(other.asked(), 3);
    other.fail(1, 404);
    assert_eq!(get_thing(&client, "7").await.unwrap(), None);
    other.fail(1, 422);
    assert!(matches!(get_thing(&client, "7").await, Err(CallError::Refused { .. })));
    assert_eq!(other.asked(), 5);
    // a token that is refused is fetched anew, once
    other.fail(1, 401);
    assert!(get_thing(&client, "7").await.unwrap().is_some());
    assert_eq!((other.asked(), other.tokens.load(Ordering::Relaxed)), (7, 2));
}

#[tokio::test]
async fn a_slow_service_costs_no_longer_than_the_request_has() {
    let (_other, proxy, client) = Other::start().await;
    assert!(get_thing(&client, "7").await.is_ok());
    proxy.set(Fault::Slow(Duration::from_secs(20)));
    let started = Instant::now();
    let within = deadline::within(Duration::from_millis(600), get_thing(&client, "7")).await;
    assert!(is_away(&within.unwrap()), "in time to say so");
    assert!(started.elapsed() < Duration::from_millis(600));
    // and never longer than a call may take, for those with more time
    let started = Instant::now();
    assert!(is_away(&get_thing(&client, "8").await));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    proxy.set(Fault::None);
    eventually("it answers again", async || get_thing(&client, "9").await.ok()).await;
}

#[tokio::test]
async fn a_connection_that_was_cut_or_forgotten_is_replaced() {
    let (_other, proxy, client) = Other::start().await;
    for fault in [Fault::Cut, Fault::HalfOpen] {
        assert!(get_thing(&client, "7").await.unwrap().is_some());
        proxy.set(fault);
        assert!(is_away(&get_thing(&client, "7").await), "{fault:?}");
        proxy.set(Fault::None);
        eventually("it answers again", async || get_thing(&client, "7").await.ok()).await;
    }
}

#[tokio::test]
async fn a_service_that_is_away_isnt_asked_and_comes_back_by_one_probe() {
    let (other, proxy, client) = Other::start().await;
    assert!(get_thing(&client, "7").await.unwrap().is_some());
    other.fail(usize::MAX, 500);
    for _ in 0..5 {
        assert!(is_away(&get_thing(&client, "7").await));
    }
    let (asked, connections) = (other.asked(), proxy.connections());
    let started = Instant::now();
    for _ in 0..100 {
        assert!(is_away(&get_thing(&client, "7").await));
    }
    assert!(started.elapsed() < Duration::from_millis(500), "100 calls took {:?}", started.elapsed());
    assert_eq!((other.asked(), proxy.connections()), (asked, connections), "nobody was asked");

    other.fail(0, 500);
    eventually("the probe succeeds", async || get_thing(&client, "7").await.ok()).await;
    assert_eq!(other.asked(), asked + 1);
    assert!(get_thing(&client, "7").await.is_ok(), "all may ask again");
}

#[tokio::test]
async fn a_burst_about_the_same_is_one_question() {
    let (other, proxy, client) = Other::start().await;
    assert!(get_thing(&client, "7").await.is_ok());
    proxy.set(Fault::Slow(Duration::from_millis(200)));
    let before = other.asked();
    let burst = (0..40).map(|index| {
        let client = client.clone();
        async move { get_thing(&client, if index % 2 == 0 { "7" } else { "8" }).await }
    });
    let answers = burst.collect::<tokio::task::JoinSet<_>>().join_all().await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Some(_)))));
    assert_eq!(other.asked(), before + 2);
}

#[tokio::test]
async fn a_token_is_renewed_early_and_used_on_while_auth_is_away() {
    let (other, _proxy, client) = Other::start().await;
    other.life.store(4, Ordering::Relaxed);
    assert!(get_thing(&client, "7").await.is_ok());
    assert_eq!(other.tokens.load(Ordering::Relaxed), 1);
    // in the second half of its life it is renewed while it still serves
    other.life.store(300, Ordering::Relaxed);
    eventually("the token is renewed", async || {
        assert!(get_thing(&client, "7").await.is_ok());
        (other.tokens.load(Ordering::Relaxed) >= 2).then_some(())
    })
    .await;
    // with a good token, nobody notices that there are no new ones
    other.life.store(0, Ordering::Relaxed);
    for _ in 0..10 {
        assert!(get_thing(&client, "7").await.is_ok());
    }
}
