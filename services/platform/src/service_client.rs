//! Calls to the other services' internal APIs: with a service token, a deadline, one retry, and a circuit breaker, so
//! that a service that is away costs its callers next to nothing.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::{
    args::ServiceClientArgs,
    problem::Problem,
    trace::{TRACEPARENT, TraceContext},
};

/// For a whole call, retries and token included.
const DEADLINE: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1200);
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);
/// So many failures in a row open the circuit…
const OPEN_AFTER: u32 = 5;
/// …for this long; then one call may try.
const OPEN_FOR: Duration = Duration::from_secs(2);
/// A token is replaced this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
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
    #[error("{service} answered something unexpected")]
    Answer {
        /// Which service.
        service: &'static str,
        /// The parser's word.
        source: reqwest::Error,
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

/// Where this service gets its tokens; share one per process.
#[derive(Clone)]
pub struct ServiceTokens {
    http: reqwest::Client,
    url: String,
    client_id: String,
    client_secret: SecretString,
    token: Arc<Mutex<Option<(String, Instant)>>>,
}

/// One other service's internal API.
#[derive(Clone)]
pub struct ServiceClient {
    service: &'static str,
    base: String,
    tokens: ServiceTokens,
    breaker: Arc<Breaker>,
}

#[derive(Default)]
struct Breaker {
    failures: AtomicU32,
    open_until: std::sync::Mutex<Option<Instant>>,
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl ServiceTokens {
    /// Tokens from auth's internal API; nothing is fetched before the first call.
    pub fn new(args: &ServiceClientArgs) -> Self {
        Self {
            http: reqwest::Client::builder().timeout(ATTEMPT_TIMEOUT).build().unwrap_or_default(),
            url: format!("{}/internal/v1/token", args.auth_internal_url),
            client_id: args.client_id.clone(),
            client_secret: args.client_secret.clone(),
            token: Arc::default(),
        }
    }

    /// A client for the service at `base`.
    pub fn client(&self, service: &'static str, base: &str) -> ServiceClient {
        ServiceClient { service, base: base.to_owned(), tokens: self.clone(), breaker: Arc::default() }
    }

    async fn get(&self) -> Result<String, reqwest::Error> {
        let mut held = self.token.lock().await;
        if let Some((token, _)) = held.as_ref().filter(|(_, until)| *until > Instant::now()) {
            return Ok(token.clone());
        }
        let request =
            TokenRequest { client_id: &self.client_id, client_secret: self.client_secret.expose_secret() };
        let answer = self.http.post(&self.url).json(&request).send().await?.error_for_status()?;
        let TokenAnswer { access_token, expires_in } = answer.json().await?;
        let good_for = Duration::from_secs(expires_in).saturating_sub(RENEW_BEFORE);
        *held = Some((access_token.clone(), Instant::now() + good_for));
        Ok(access_token)
    }

    async fn forget(&self) {
        *self.token.lock().await = None;
    }
}

impl ServiceClient {
    /// GET; `None` for 404.
    pub async fn get<A: DeserializeOwned>(&self, path: &str) -> Result<Option<A>, CallError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// POST of an idempotent question (it may be sent twice); `None` for 404.
    pub async fn ask<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<Option<A>, CallError> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call<B: Serialize + Sync, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<Option<A>, CallError> {
        if self.breaker.is_open() {
            return Err(self.unavailable("it failed several times, waiting a moment"));
        }
        let answer = match tokio::time::timeout(DEADLINE, self.attempts(method, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unavailable(format!("no answer within {DEADLINE:?}"))),
        };
        self.breaker.record(!matches!(answer, Err(CallError::Unavailable { .. })));
        let answer = answer?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => answer
                .json()
                .await
                .map(Some)
                .map_err(|source| CallError::Answer { service: self.service, source }),
            status => Err(CallError::Refused { service: self.service, status }),
        }
    }

    async fn attempts<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<reqwest::Response, CallError> {
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            match self.attempt(method.clone(), path, body).await {
                // the key or our secret was rotated: with a new token once more
                Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED && attempt == 0 => {
                    self.tokens.forget().await;
                }
                Ok(answer) if answer.status().is_server_error() => {
                    last = format!("it answered {}", answer.status());
                }
                Ok(answer) => return Ok(answer),
                Err(error) => last = error.to_string(),
            }
        }
        Err(self.unavailable(last))
    }

    async fn attempt<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        body: Option<&B>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let token = self.tokens.get().await?;
        let mut request = self.tokens.http.request(method, format!("{}{path}", self.base)).bearer_auth(token);
        if let Some(trace) = TraceContext::current() {
            request = request.header(TRACEPARENT, trace.child().to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await
    }

    fn unavailable(&self, reason: impl Into<String>) -> CallError {
        CallError::Unavailable { service: self.service, reason: reason.into() }
    }
}

impl Breaker {
    fn is_open(&self) -> bool {
        let open_until = self.open_until.lock().unwrap_or_else(PoisonError::into_inner);
        open_until.is_some_and(|until| until > Instant::now())
    }

    fn record(&self, reached: bool) {
        let failures = if reached { 0 } else { self.failures.load(Ordering::Relaxed) + 1 };
        self.failures.store(failures, Ordering::Relaxed);
        let mut open_until = self.open_until.lock().unwrap_or_else(PoisonError::into_inner);
        *open_until = (failures >= OPEN_AFTER).then(|| Instant::now() + OPEN_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circuit_opens_after_failures_in_a_row_and_closes_on_success() {
        let breaker = Breaker::default();
        for _ in 0..OPEN_AFTER {
            assert!(!breaker.is_open());
            breaker.record(false);
        }
        assert!(breaker.is_open());
        breaker.record(true);
        assert!(!breaker.is_open());
    }
}
