//! The port for machines: `/livez`, `/readyz`, `/metrics`.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use super::watches::Progress;

/// Serves until `stop`.
pub async fn serve(
    listen: SocketAddr,
    progress: Arc<Progress>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(progress)
        .route("/metrics", get(move || async move { metrics.render() }));
    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!(%listen, "serving probes and metrics");
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Fails when a watch has made no progress for long: a restart may help.
async fn livez(State(progress): State<Arc<Progress>>) -> impl IntoResponse {
    answer(&progress.stuck(), "stuck")
}

/// Fails until every watch has delivered its first list.
async fn readyz(State(progress): State<Arc<Progress>>) -> impl IntoResponse {
    answer(&progress.unready(), "waiting for")
}

fn answer(watches: &[String], what: &str) -> (StatusCode, String) {
    if watches.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{what}: {}\n", watches.join(", ")))
    }
}
