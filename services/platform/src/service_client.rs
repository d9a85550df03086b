//! Calls to the other services' internal APIs, which cost their callers next to nothing when the other is away: a deadline
//! from the request that is served, retries with jitter within a budget, a circuit breaker with single probes, one question
//! at a time about the same thing, and a service token that is renewed early.

mod breaker;
mod budget;
mod flights;
mod tokens;
mod trust;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Duration, Instant, sleep};

use self::{breaker::Breaker, budget::Budget, flights::Flights};
pub use self::{
    tokens::ServiceTokens,
    trust::{HttpClient, HttpError},
};
use crate::{
    deadline,
    metrics::{CALL_DURATION, CALL_RETRIES, CALLS, CALLS_SHARED},
    problem::Problem,
    trace::{Described, Kind, Span, TRACEPARENT, TraceContext},
};

/// For a whole call, retries and token included; less when the request that is served ends before.
const LONGEST_CALL: Duration = Duration::from_secs(3);
/// What is left of the request's time to tell its client that nothing came.
const TO_ANSWER: Duration = Duration::from_millis(100);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1200);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 3;
/// Before the first retry, at most; twice as long before the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The other service is away, overloaded or too slow.
    #[error("{service} can't be reached: {reason}")]
    Unavailable {
        /// Which service.
        service: &'static str,
        /// What happened last.
        reason: String,
    },
    /// The other service refused what we asked: a fault in one of the two.
    #[error("{service} answered {status}")]
    Refused {
        /// Which service.
        service: &'static str,
        /// With what.
        status: StatusCode,
    },
    /// The answer isn't what the contract says.
    #[error("{service} answered something unexpected: {reason}")]
    Answer {
        /// Which service.
        service: &'static str,
        /// The parser's word.
        reason: String,
    },
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unavailable { .. } => {
                tracing::warn!(%error, "dependency is away");
                Self::unavailable()
            }
            CallError::Refused { .. } | CallError::Answer { .. } => Self::internal(&error),
        }
    }
}

/// One other service's internal API.
#[derive(Clone)]
pub struct ServiceClient {
    service: &'static str,
    base: Arc<str>,
    tokens: ServiceTokens,
    breaker: Breaker,
    budget: Arc<Budget>,
    flights: Flights<Result<Reply, CallError>>,
}

/// What the other service answered.
#[derive(Clone, Debug)]
struct Reply {
    status: StatusCode,
    body: Bytes,
}

/// Why an attempt failed.
enum Failed {
    /// The service didn't answer, or with a failure of its own.
    Service(String),
    /// There is no token to ask it with: that is auth's fault, not the service's.
    Token(String),
}

impl ServiceClient {
    fn new(service: &'static str, base: &str, tokens: ServiceTokens) -> Self {
        Self {
            service,
            base: base.into(),
            tokens,
            breaker: Breaker::new(service),
            budget: Arc::default(),
            flights: Flights::default(),
        }
    }

    /// GET; `None` for 404. Who asks for the same at the same time gets the same answer.
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<Option<A>, CallError> {
        let ask = || {
            let (client, path, trace) = (self.clone(), path.to_owned(), TraceContext::current());
            async move {
                let call = client.call(&Method::GET, &path, None, LONGEST_CALL);
                match trace {
                    Some(trace) => trace.scope(call).await,
                    None => call.await,
                }
            }
        };
        let (reply, shared) = match tokio::time::timeout(time_left(), self.flights.join(path, ask)).await {
            Ok((Some(reply), shared)) => (reply, shared),
            Ok((None, _)) => return Err(self.unavailable("asking failed")),
            Err(_) => return Err(self.unavailable("the request's time is over")),
        };
        if shared {
            metrics::counter!(CALLS_SHARED.name, "server_address" => self.service).increment(1);
        }
        self.read(&reply?)
    }

    /// POST of an idempotent question (it may be sent twice); `None` for 404.
    pub async fn ask<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<Option<A>, CallError> {
        let body = serde_json::to_value(body)
            .map_err(|error| CallError::Answer { service: self.service, reason: error.to_string() })?;
        self.read(&self.call(&Method::POST, path, Some(&body), time_left()).await?)
    }

    fn read<A: DeserializeOwned>(&self, reply: &Reply) -> Result<Option<A>, CallError> {
        match reply.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => serde_json::from_slice(&reply.body)
                .map(Some)
                .map_err(|error| CallError::Answer { service: self.service, reason: error.to_string() }),
            status => Err(CallError::Refused { service: self.service, status }),
        }
    }

    /// One call with all its attempts, counted.
    async fn call(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
        limit: Duration,
    ) -> Result<Reply, CallError> {
        let Some(permit) = self.breaker.permit() else {
            self.count("open");
            return Err(self.unavailable("it failed several times, waiting a moment"));
        };
        self.budget.earn();
        let reply = tokio::time::timeout(limit, self.attempts(method, path, body)).await;
        match reply {
            Ok(Ok(reply)) => {
                permit.record(true);
                self.count(if reply.status.is_success() { "ok" } else { "refused" });
                Ok(reply)
            }
            Ok(Err(Failed::Token(reason))) => {
                drop(permit);
                self.count("no-token");
                Err(self.unavailable(reason))
            }
            Ok(Err(Failed::Service(reason))) => {
                permit.record(false);
                self.count("unavailable");
                Err(self.unavailable(reason))
            }
            Err(_) => {
                // who has less time than a call may take says nothing of the service
                if limit >= ATTEMPT_TIMEOUT {
                    permit.record(false);
                }
                self.count("too-slow");
                Err(self.unavailable(format!("no answer within {limit:?}")))
            }
        }
    }

    async fn attempts(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Reply, Failed> {
        let mut attempt = 1;
        let mut refused = false;
        loop {
            let token = self.tokens.get().await.map_err(|error| Failed::Token(told(error)))?;
            let failure = match self.attempt(method, path, body, &token).await {
                // the key or our secret was rotated: with a new token once more, at once
                Ok(reply) if reply.status == StatusCode::UNAUTHORIZED && !refused => {
                    refused = true;
                    self.tokens.forget(&token);
                    continue;
                }
                Ok(reply) if reply.status.is_server_error() => format!("it answered {}", reply.status),
                Ok(reply) => return Ok(reply),
                Err(error) => told(error),
            };
            if attempt == ATTEMPTS || !self.may_retry() {
                return Err(Failed::Service(failure));
            }
            sleep((PAUSE * attempt).mul_f64(rand::random_range(0.5..1.0))).await;
            attempt += 1;
        }
    }

    fn may_retry(&self) -> bool {
        let affordable = self.budget.spend();
        let outcome = if affordable { "taken" } else { "over-budget" };
        metrics::counter!(CALL_RETRIES.name, "server_address" => self.service, "outcome" => outcome)
            .increment(1);
        affordable
    }

    /// The body is read within the attempt: a connection that is cut in the middle of it is worth another one.
    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&serde_json::Value>,
        token: &str,
    ) -> Result<Reply, reqwest::Error> {
        let url = format!("{}{path}", self.base);
        let mut request =
            self.tokens.http.request(method.clone(), url).bearer_auth(token).timeout(ATTEMPT_TIMEOUT);
        let span = Span::child(Kind::Client);
        if let Some(span) = &span {
            request = request.header(TRACEPARENT, span.context().to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let started = Instant::now();
        let reply = async {
            let answer = request.send().await?;
            Ok(Reply { status: answer.status(), body: answer.bytes().await? })
        }
        .await;
        self.measured(method, &reply, started.elapsed(), span);
        reply
    }

    fn measured(
        &self,
        method: &Method,
        reply: &Result<Reply, reqwest::Error>,
        took: Duration,
        span: Option<Span>,
    ) {
        let status = reply.as_ref().ok().map(|reply| reply.status);
        metrics::histogram!(
            CALL_DURATION.name,
            "server_address" => self.service,
            "http_request_method" => method.to_string(),
            "http_response_status_code" => status.map_or("none".to_owned(), |s| s.as_str().to_owned()),
        )
        .record(took);
        let Some(span) = span else { return };
        // the path may hold what a user typed
        span.end(status.is_none_or(|status| status.is_server_error()), || {
            let described = Described::new(format!("{method} {}", self.service))
                .with("http.request.method", method.to_string())
                .with("server.address", self.service);
            match status {
                Some(status) => described.with("http.response.status_code", status.as_u16()),
                None => described.failed("no answer"),
            }
        });
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!(CALLS.name, "server_address" => self.service, "outcome" => outcome).increment(1);
    }

    fn unavailable(&self, reason: impl Into<String>) -> CallError {
        CallError::Unavailable { service: self.service, reason: reason.into() }
    }
}

/// How long a call may take: as long as the request that is served, with a moment left to answer it.
fn time_left() -> Duration {
    let left = deadline::current().map(|at| at.saturating_duration_since(Instant::now()));
    left.map_or(LONGEST_CALL, |left| left.saturating_sub(TO_ANSWER).min(LONGEST_CALL))
}

/// What happened, without the address: it may hold what a user typed.
fn told(error: reqwest::Error) -> String {
    crate::problem::Chain(&error.without_url()).to_string()
}
