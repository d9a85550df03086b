//! Public keys by key id: from a JWKS over HTTP with a cache, or handed over in the process.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use tokio::sync::Mutex;

use super::TokenError;

/// Fetched keys are used this long; a new key is published longer than that before it signs.
const CACHE_LIFETIME: Duration = Duration::from_mins(5);
/// Unknown key ids (garbage tokens too) cause at most one fetch in this time.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(5);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Finds public keys.
pub trait KeyLookup: Send + Sync {
    /// The key with this id.
    fn find(&self, kid: &str) -> impl Future<Output = Result<DecodingKey, TokenError>> + Send;
}

/// Keys that the process holds itself.
#[derive(Clone)]
pub struct LocalKeys(pub Arc<HashMap<String, DecodingKey>>);

/// Keys from auth's JWKS.
#[derive(Clone)]
pub struct RemoteKeys {
    url: String,
    http: reqwest::Client,
    cache: Arc<RwLock<Cache>>,
    /// When keys were last asked for; locked while asking, so that one request asks for all.
    tried_at: Arc<Mutex<Option<Instant>>>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Instant>,
}

impl std::fmt::Debug for LocalKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl std::fmt::Debug for RemoteKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("RemoteKeys").field(&self.url).finish()
    }
}

impl KeyLookup for LocalKeys {
    async fn find(&self, kid: &str) -> Result<DecodingKey, TokenError> {
        self.0.get(kid).cloned().ok_or(TokenError::Invalid)
    }
}

impl RemoteKeys {
    /// Keys published at `url`; nothing is fetched before the first token.
    pub fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().timeout(FETCH_TIMEOUT).build().unwrap_or_default();
        Self { url: url.into(), http, cache: Arc::default(), tried_at: Arc::default() }
    }

    /// The key, and whether the cache is fresh.
    fn cached(&self, kid: &str) -> (Option<DecodingKey>, bool) {
        let Ok(cache) = self.cache.read() else { return (None, false) };
        (cache.keys.get(kid).cloned(), !is_older(cache.fetched_at, CACHE_LIFETIME))
    }

    async fn fetch(&self) -> Result<(), reqwest::Error> {
        let answer = self.http.get(&self.url).send().await?.error_for_status()?;
        let set: JwkSet = answer.json().await?;
        let keys = set.keys.iter().filter_map(|jwk| {
            // keys for other uses or of unknown kinds may stand in the set
            Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
        });
        if let Ok(mut cache) = self.cache.write() {
            *cache = Cache { keys: keys.collect(), fetched_at: Some(Instant::now()) };
        }
        Ok(())
    }
}

impl KeyLookup for RemoteKeys {
    async fn find(&self, kid: &str) -> Result<DecodingKey, TokenError> {
        if let (Some(key), true) = self.cached(kid) {
            return Ok(key);
        }
        let mut tried_at = self.tried_at.lock().await;
        // another request may have asked while this one waited
        let (known, fresh) = self.cached(kid);
        if known.is_some() && fresh {
            return known.ok_or(TokenError::Invalid);
        }
        if !is_older(*tried_at, MIN_FETCH_INTERVAL) {
            return known.ok_or(TokenError::Invalid);
        }
        match self.fetch().await {
            Ok(()) => {
                *tried_at = Some(Instant::now());
                self.cached(kid).0.ok_or(TokenError::Invalid)
            }
            // keys once fetched stay good while auth is away; without this one, the next request asks again at once
            Err(error) => {
                tracing::warn!(%error, "signing keys can't be fetched");
                if known.is_some() {
                    *tried_at = Some(Instant::now());
                }
                known.ok_or(TokenError::KeysUnavailable)
            }
        }
    }
}

fn is_older(at: Option<Instant>, age: Duration) -> bool {
    at.is_none_or(|at| at.elapsed() > age)
}
