//! This service's tokens for the others. A token is renewed before it expires, beside the calls and by one at a time: auth
//! may be away for a while before anybody notices.

use std::sync::{
    Arc, Mutex as StdMutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::{ATTEMPT_TIMEOUT, ServiceClient};
use crate::{args::ServiceClientArgs, metrics::TOKENS, problem::Chain};

/// A token is renewed when this part of its life is over (a half): as long as auth may be away…
const RENEW_AFTER: u32 = 2;
/// …and when that fails, tried again after this long.
const RENEW_PAUSE: Duration = Duration::from_secs(1);
/// A token isn't used in its last moments: it must live until it is checked.
const MARGIN: Duration = Duration::from_secs(1);

/// Where this service gets its tokens; share one per process.
#[derive(Clone)]
pub struct ServiceTokens {
    pub(super) http: reqwest::Client,
    source: Arc<Source>,
}

struct Source {
    url: String,
    client_id: String,
    client_secret: SecretString,
    held: StdMutex<Option<Token>>,
    /// Locked while somebody fetches and has nothing to use meanwhile.
    fetching: Mutex<()>,
    /// Whether somebody renews beside the calls.
    renewing: AtomicBool,
}

#[derive(Clone)]
struct Token {
    value: String,
    renew_at: Instant,
    expires_at: Instant,
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
    /// Tokens from auth's internal API; nothing is fetched before the first call. `http` is for the calls with them, too.
    pub fn new(args: &ServiceClientArgs, http: reqwest::Client) -> Self {
        Self {
            http,
            source: Arc::new(Source {
                url: format!("{}/internal/v1/token", args.auth_internal_url),
                client_id: args.client_id.clone(),
                client_secret: args.client_secret.clone(),
                held: StdMutex::default(),
                fetching: Mutex::default(),
                renewing: AtomicBool::default(),
            }),
        }
    }

    /// A client for the service at `base`.
    pub fn client(&self, service: &'static str, base: &str) -> ServiceClient {
        ServiceClient::new(service, base, self.clone())
    }

    /// A token that is good for now.
    pub(super) async fn get(&self) -> Result<String, reqwest::Error> {
        if let Some(token) = self.usable() {
            return Ok(token);
        }
        let _one_at_a_time = self.source.fetching.lock().await;
        // somebody else may have fetched it meanwhile
        match self.usable() {
            Some(token) => Ok(token),
            None => self.fetch().await,
        }
    }

    /// The held token, if it is good; renewed beside when it is time.
    fn usable(&self) -> Option<String> {
        let token = self.source.held().clone()?;
        let now = Instant::now();
        if token.expires_at <= now {
            return None;
        }
        if token.renew_at <= now && !self.source.renewing.swap(true, Ordering::AcqRel) {
            let tokens = self.clone();
            tokio::spawn(async move { tokens.renew().await });
        }
        Some(token.value)
    }

    async fn renew(self) {
        if let Err(error) = self.fetch().await {
            tracing::warn!(error = %Chain(&error), "service token can't be renewed yet");
            if let Some(token) = self.source.held().as_mut() {
                token.renew_at = Instant::now() + RENEW_PAUSE;
            }
        }
        self.source.renewing.store(false, Ordering::Release);
    }

    async fn fetch(&self) -> Result<String, reqwest::Error> {
        let fetched = self.ask().await;
        let outcome = if fetched.is_ok() { "renewed" } else { "failed" };
        metrics::counter!(TOKENS.name, "outcome" => outcome).increment(1);
        let TokenAnswer { access_token, expires_in } = fetched?;
        let (now, life) = (Instant::now(), Duration::from_secs(expires_in));
        *self.source.held() = Some(Token {
            value: access_token.clone(),
            renew_at: now + life / RENEW_AFTER,
            expires_at: now + life.saturating_sub(MARGIN),
        });
        Ok(access_token)
    }

    async fn ask(&self) -> Result<TokenAnswer, reqwest::Error> {
        let Source { client_id, client_secret, url, .. } = &*self.source;
        let request = TokenRequest { client_id, client_secret: client_secret.expose_secret() };
        let request = self.http.post(url).timeout(ATTEMPT_TIMEOUT).json(&request);
        request.send().await?.error_for_status()?.json().await
    }

    /// Throws away a token that was refused, unless another has taken its place already.
    pub(super) fn forget(&self, refused: &str) {
        let mut held = self.source.held();
        if held.as_ref().is_some_and(|token| token.value == refused) {
            *held = None;
        }
    }
}

impl Source {
    fn held(&self) -> std::sync::MutexGuard<'_, Option<Token>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
