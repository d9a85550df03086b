//! Sends spans to the collector, in batches, beside the work that they are of.

use std::{pin::pin, time::Duration};

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceResponse, resource::v1::Resource};
use prost::Message;
use reqwest::{StatusCode, header};
use tokio::{
    sync::mpsc::Receiver,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{DROPPED, EXPORTED, otlp, span::Finished};
use crate::{
    chain::Chain,
    https::{self, HttpsError, Trust},
};

/// Spans that are sent together.
const BATCH: usize = 256;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 3;
/// Before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_secs(1);
/// A collector that needs longer counts as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// For what is left when the process ends.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Exporter {
    http: reqwest::Client,
    url: String,
    resource: Resource,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExporterError {
    #[error(transparent)]
    Https(#[from] HttpsError),
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

enum Refused {
    /// Later it may be taken.
    Later(String),
    /// It never will.
    Never(String),
}

impl Exporter {
    pub(super) fn new(endpoint: &str, resource: Resource) -> Result<Self, ExporterError> {
        let trust = if endpoint.starts_with("https://") { Trust::System } else { Trust::Nobody };
        let http = https::builder(trust)?.timeout(PATIENCE).build()?;
        Ok(Self { http, url: format!("{endpoint}/v1/traces"), resource })
    }

    /// Sends what comes until `stop`, and then what is there.
    pub(super) async fn run(self, mut waiting: Receiver<Finished>, stop: CancellationToken) {
        let mut batch = Vec::new();
        let mut is_away = false;
        while stop.run_until_cancelled(waiting.recv_many(&mut batch, BATCH)).await.is_some() {
            stop.run_until_cancelled(sleep(GATHER)).await;
            while batch.len() < BATCH
                && let Ok(span) = waiting.try_recv()
            {
                batch.push(span);
            }
            let mut sending = pin!(self.settle(self.send(std::mem::take(&mut batch)), &mut is_away));
            if stop.run_until_cancelled(sending.as_mut()).await.is_none() {
                drop(timeout(LAST_PATIENCE, sending).await);
            }
        }
        let left: Vec<_> = std::iter::from_fn(|| waiting.try_recv().ok()).take(BATCH).collect();
        if !left.is_empty() {
            drop(timeout(LAST_PATIENCE, self.settle(self.send(left), &mut is_away)).await);
        }
    }

    /// Counts what became of a batch, and says once that the collector is away.
    async fn settle(&self, sent: impl Future<Output = Result<(), String>>, is_away: &mut bool) {
        match sent.await {
            Ok(()) => {
                if std::mem::take(is_away) {
                    tracing::info!("traces are taken again");
                }
            }
            Err(reason) if !*is_away => {
                *is_away = true;
                tracing::warn!(reason, "traces aren't taken by their collector; the rest goes on");
            }
            Err(reason) => tracing::debug!(reason, "traces still aren't taken"),
        }
    }

    async fn send(&self, spans: Vec<Finished>) -> Result<(), String> {
        let count = spans.len() as u64;
        let body = otlp::request(&self.resource, spans).encode_to_vec();
        let mut attempt = 1;
        loop {
            match self.attempt(body.clone()).await {
                Ok(rejected) => {
                    metrics::counter!(EXPORTED.name).increment(count.saturating_sub(rejected));
                    if rejected > 0 {
                        metrics::counter!(DROPPED.name, "reason" => "rejected")
                            .increment(rejected.min(count));
                    }
                    return Ok(());
                }
                Err(Refused::Later(_)) if attempt < ATTEMPTS => sleep(PAUSE * attempt).await,
                Err(Refused::Later(reason)) => {
                    metrics::counter!(DROPPED.name, "reason" => "not-taken").increment(count);
                    return Err(reason);
                }
                Err(Refused::Never(reason)) => {
                    metrics::counter!(DROPPED.name, "reason" => "rejected").increment(count);
                    return Err(reason);
                }
            }
            attempt += 1;
        }
    }

    /// How many of the spans the collector has rejected.
    async fn attempt(&self, body: Vec<u8>) -> Result<u64, Refused> {
        let request = self.http.post(&self.url).header(header::CONTENT_TYPE, "application/x-protobuf");
        let later = |error: reqwest::Error| Refused::Later(Chain(&error.without_url()).to_string());
        let answer = request.body(body).send().await.map_err(later)?;
        let status = answer.status();
        match status {
            _ if status.is_success() => {
                let body = answer.bytes().await.map_err(later)?;
                let told = ExportTraceServiceResponse::decode(body).unwrap_or_default();
                let rejected = told.partial_success.map_or(0, |partial| partial.rejected_spans);
                Ok(u64::try_from(rejected).unwrap_or(0))
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Refused::Later(format!("it answered {status}"))),
            _ => Err(Refused::Never(format!("it answered {status}"))),
        }
    }
}
