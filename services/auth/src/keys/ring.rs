//! The keys as they are now, for all who sign, verify and publish.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::DecodingKey;
use tracklore_platform::{
    time::Timestamp,
    token::{KeyLookup, TokenError},
};

use super::{KeysError, SigningKeys};

/// The keys of a folder; all clones see the same.
#[derive(Clone)]
pub struct KeyRing {
    folder: PathBuf,
    lead: Duration,
    keys: Arc<RwLock<Arc<SigningKeys>>>,
}

impl KeyRing {
    /// Reads the folder; see [`SigningKeys::read`].
    pub fn read(folder: &Path, lead: Duration, now: Timestamp) -> Result<Self, KeysError> {
        let keys = SigningKeys::read(folder, lead, None, now)?;
        tracing::info!(kid = keys.signing(now).kid, keys = keys.verifying.len(), "signing keys read");
        Ok(Self { folder: folder.to_owned(), lead, keys: Arc::new(RwLock::new(Arc::new(keys))) })
    }

    /// Reads the folder again; when it can't be read, all stays as it is.
    pub fn reload(&self, now: Timestamp) -> Result<(), KeysError> {
        let before = self.current();
        let after = SigningKeys::read(&self.folder, self.lead, Some(&before), now)?;
        if after.published != before.published {
            tracing::info!(
                kid = after.signing(now).kid,
                keys = after.verifying.len(),
                "signing keys changed"
            );
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(())
    }

    /// The keys as they are now.
    pub fn current(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KeyLookup for KeyRing {
    async fn find(&self, kid: &str) -> Result<Arc<DecodingKey>, TokenError> {
        self.current().verifying.get(kid).cloned().ok_or(TokenError::Invalid)
    }
}
