//! Public keys by key id: from a JWKS over HTTP with a cache, or handed over in the process.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use tokio::sync::Mutex;

use super::TokenError;
use crate::problem::Chain;

/// Fetched keys are used this long, and as long again while they are fetched anew; a new key is published longer than that before it signs.
const CACHE_LIFETIME: Duration = Duration::from_mins(5);
/// Unknown key ids (garbage tokens too) cause at most one fetch in this time.
const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(5);
/// The same after one that went wrong.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Finds public keys.
pub trait KeyLookup: Send + Sync {
    /// The key with this id: the same one until keys are read anew.
    fn find(&self, kid: &str) -> impl Future<Output = Result<Arc<DecodingKey>, TokenError>> + Send;
}

/// Keys that the process holds itself.
#[derive(Clone)]
pub struct LocalKeys(pub Arc<HashMap<String, Arc<DecodingKey>>>);

/// Keys from auth's JWKS.
#[derive(Clone)]
pub struct RemoteKeys {
    url: Arc<str>,
    http: reqwest::Client,
    cache: Arc<RwLock<Cache>>,
    /// When keys were last asked for; locked while asking, so that one request asks for all.
    tried: Arc<Mutex<Option<Tried>>>,
}

struct Tried {
    at: Instant,
    well: bool,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<String, Arc<DecodingKey>>,
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
    async fn find(&self, kid: &str) -> Result<Arc<DecodingKey>, TokenError> {
        self.0.get(kid).cloned().ok_or(TokenError::Invalid)
    }
}

impl RemoteKeys {
    /// Keys published at `url`; nothing is fetched before the first token.
    pub fn new(url: impl AsRef<str>, http: reqwest::Client) -> Self {
        Self { url: url.as_ref().into(), http, cache: Arc::default(), tried: Arc::default() }
    }

    /// The key, and how old the cache is.
    fn cached(&self, kid: &str) -> (Option<Arc<DecodingKey>>, Duration) {
        let Ok(cache) = self.cache.read() else { return (None, Duration::MAX) };
        (cache.keys.get(kid).cloned(), cache.fetched_at.map_or(Duration::MAX, |at| at.elapsed()))
    }

    async fn fetch(&self) -> Result<(), reqwest::Error> {
        let answer = self.http.get(&*self.url).timeout(FETCH_TIMEOUT).send().await?.error_for_status()?;
        let set: JwkSet = answer.json().await?;
        let keys = set.keys.iter().filter_map(|jwk| {
            // keys for other uses or of unknown kinds may stand in the set
            Some((jwk.common.key_id.clone()?, Arc::new(DecodingKey::from_jwk(jwk).ok()?)))
        });
        if let Ok(mut cache) = self.cache.write() {
            *cache = Cache { keys: keys.collect(), fetched_at: Some(Instant::now()) };
        }
        Ok(())
    }
}

impl RemoteKeys {
    /// Asks for all keys unless that was just done, and gives the one that was looked for.
    async fn ask(&self, kid: &str, tried: &mut Option<Tried>) -> Result<Arc<DecodingKey>, TokenError> {
        let (known, age) = self.cached(kid);
        let unknown = match tried {
            // another request may have asked while this one waited
            Some(Tried { at, well: true }) if at.elapsed() < MIN_FETCH_INTERVAL => TokenError::Invalid,
            Some(Tried { at, well: false }) if at.elapsed() < RETRY_INTERVAL => TokenError::KeysUnavailable,
            _ if known.is_some() && age < CACHE_LIFETIME => TokenError::Invalid,
            _ => {
                let fetched = self.fetch().await;
                *tried = Some(Tried { at: Instant::now(), well: fetched.is_ok() });
                match fetched {
                    Ok(()) => return self.cached(kid).0.ok_or(TokenError::Invalid),
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "signing keys can't be fetched");
                        TokenError::KeysUnavailable
                    }
                }
            }
        };
        // keys once fetched stay good while auth is away
        known.ok_or(unknown)
    }

    /// Asks for all keys beside the request that noticed their age.
    fn refresh(&self, kid: &str) {
        let Ok(mut tried) = Arc::clone(&self.tried).try_lock_owned() else { return };
        let (this, kid) = (self.clone(), kid.to_owned());
        tokio::spawn(async move { drop(this.ask(&kid, &mut tried).await) });
    }
}

impl KeyLookup for RemoteKeys {
    async fn find(&self, kid: &str) -> Result<Arc<DecodingKey>, TokenError> {
        match self.cached(kid) {
            (Some(key), age) if age < CACHE_LIFETIME => return Ok(key),
            (Some(key), age) if age < CACHE_LIFETIME * 2 => {
                self.refresh(kid);
                return Ok(key);
            }
            // somebody asks already: who has a key needn't wait behind those who bring unknown ones
            (Some(key), _) if self.tried.try_lock().is_err() => return Ok(key),
            _ => {}
        }
        let mut tried = self.tried.lock().await;
        self.ask(kid, &mut tried).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time::timeout};

    use super::*;

    #[tokio::test]
    async fn whoever_brings_unknown_keys_while_auth_hangs_holds_up_nobody_else() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys = RemoteKeys::new(
            format!("http://{}/jwks.json", silent.local_addr().unwrap()),
            tracklore_testkit::http(),
        );
        let long_ago = Instant::now().checked_sub(CACHE_LIFETIME * 3);
        let known = HashMap::from([("known".to_owned(), Arc::new(DecodingKey::from_ed_der(&[7; 32])))]);
        *keys.cache.write().unwrap() = Cache { keys: known, fetched_at: long_ago };

        let flood = (0..20).map(|number| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.find(&format!("unknown-{number}")).await.map(|_| ()) })
        });
        let flood: Vec<_> = flood.collect();
        // the first of them asks by now
        let (_connection, _) = silent.accept().await.unwrap();
        let found = timeout(FETCH_TIMEOUT / 2, keys.find("known")).await;
        assert!(found.expect("it doesn't wait for an answer").is_ok());
        for one in flood {
            assert_eq!(one.await.unwrap(), Err(TokenError::KeysUnavailable));
        }
        let more = timeout(Duration::ZERO, silent.accept()).await;
        assert!(more.is_err(), "they asked together");
    }
}
