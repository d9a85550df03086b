//! The controller of a scope: its watches, and the passes that they wake.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, future::try_join_all, stream};
use kube::{
    Client,
    runtime::controller::{self, Controller},
};
use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    backoff::Backoff,
    watches::{self, Progress, Scope},
};
use crate::stack::{self, Context};

/// Stacks that are worked on at the same time. Passes are short; more would only queue at the API server.
const CONCURRENCY: u16 = 16;

/// Changes within this time make one pass.
const DEBOUNCE: Duration = Duration::from_millis(100);

/// Why a controller ended although nobody stopped it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A watch never had its first list.
    #[error("a watch ended before its first list")]
    NeverListed(#[from] oneshot::error::RecvError),
    /// A watch ended later.
    #[error("a watch ended")]
    WatchEnded,
}

/// Keeps the stacks of one scope, `most` in each namespace, until `stop`. It remembers nothing of an earlier process.
pub async fn keep(
    client: Client,
    scope: Scope,
    most: usize,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let children = watches::children(&client, &scope, &progress);
    let context = Arc::new(Context {
        client: client.clone(),
        stores: children.stores,
        memory: stack::apply::Memory::default(),
        secrets: stack::observe::SecretCache::default(),
        patience: stack::patience::Patience::default(),
        announcer: stack::announce::Announcer::new(client.clone()),
        backoff: Backoff::default(),
        quota: stack::quota::Quota::new(most),
    });
    let hearing = context.clone();
    let (reader, stacks) = watches::stacks(&client, &scope, progress, move |event| hearing.hear(event));
    context.quota.count(reader.clone());
    let mut watching = JoinSet::new();
    for task in children.tasks {
        watching.spawn(task);
    }
    tokio::select! {
        listed = try_join_all(children.listed) => drop(listed?),
        () = stop.cancelled() => return Ok(()),
    }
    let woken =
        stream::unfold(children.woken, async |mut woken| woken.recv().await.map(|stack| (stack, woken)));
    let controller = Controller::for_stream(stacks, reader)
        .reconcile_on(woken)
        .with_config(controller::Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(stack::reconcile, stack::error_policy, context)
        .for_each(async |_| {});
    tokio::select! {
        () = controller => Ok(()),
        Some(_) = watching.join_next() => Err(Error::WatchEnded),
    }
}
