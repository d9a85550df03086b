//! Reads keys and clients again and again: they are mounted, and change without a restart.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{problem::Chain, time::Timestamp};

use crate::{
    clients::Clients,
    keys::{KeyRing, KeysError},
};

/// Keeps both up to date until `stop`. What can't be read stays as it was.
pub async fn run(keys: KeyRing, clients: Clients, interval: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
        let (keys, clients) = (keys.clone(), clients.clone());
        let reloaded = spawn_blocking(move || {
            warn("signing keys", keys.reload(Timestamp::now()));
            warn("clients", clients.reload());
        });
        if let Err(error) = reloaded.await {
            tracing::error!(%error, "reading keys and clients again failed");
        }
    }
}

fn warn(what: &str, result: Result<(), KeysError>) {
    if let Err(error) = result {
        tracing::warn!(error = %Chain(&error), "{what} can't be read again: those known before stay");
    }
}
