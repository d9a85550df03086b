//! Probes: alive, ready, started. Ready means that every dependency answers now; alive never asks a dependency,
//! so that an outage of one doesn't restart everything (Kubernetes' guidance on liveness probes).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::State, response::IntoResponse, routing::get};
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// A dependency that answers slower than this counts as away.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What a service needs to be ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: BTreeMap<&'static str, Check>,
    draining: CancellationToken,
    started: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    dependencies: BTreeMap<&'static str, Dependency>,
}

#[derive(Serialize)]
struct Dependency {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Health {
    /// Adds a dependency; `check` says in a few words what is wrong.
    #[must_use]
    pub fn with<F, R>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.checks.insert(name, Arc::new(move || Box::pin(check())));
        self
    }

    /// From now on `/readyz` says no: the process is about to stop.
    pub fn start_draining(&self) {
        self.draining.cancel();
    }

    /// Cancelled when draining starts: for answers that last, so that clients come back elsewhere in good time.
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    async fn readiness(&self) -> Readiness {
        let checks = self.checks.iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
            let result = result.unwrap_or_else(|_| Err(format!("no answer within {CHECK_TIMEOUT:?}")));
            (*name, Dependency { ready: result.is_ok(), detail: result.err() })
        });
        let dependencies: BTreeMap<_, _> = join_all(checks).await.into_iter().collect();
        let draining = self.draining.is_cancelled();
        let ready = !draining && dependencies.values().all(|dependency| dependency.ready);
        if ready {
            self.started.store(true, Ordering::Relaxed);
        }
        Readiness { ready, draining, dependencies }
    }
}

/// The routes of the admin port.
pub fn router(health: Health, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(readyz))
        .route("/startupz", get(startupz))
        .with_state(health)
        .route("/metrics", get(async move || metrics.render()))
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let readiness = health.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Started once it was ready for the first time; later outages are readiness' business.
async fn startupz(State(health): State<Health>) -> impl IntoResponse {
    if health.started.load(Ordering::Relaxed) || health.readiness().await.ready {
        (StatusCode::OK, "started")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting: /readyz says what is missing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_missing_dependency_makes_it_unready_and_is_named() {
        let health = Health::default()
            .with("postgres", async || Ok(()))
            .with("kafka", async || Err("connection refused".to_owned()));
        let readiness = health.readiness().await;
        assert!(!readiness.ready);
        assert_eq!(readiness.dependencies["kafka"].detail.as_deref(), Some("connection refused"));
        assert!(readiness.dependencies["postgres"].ready);
    }

    #[tokio::test]
    async fn draining_is_not_ready_though_everything_answers() {
        let health = Health::default();
        assert!(health.readiness().await.ready);
        health.start_draining();
        assert!(!health.readiness().await.ready);
    }
}
