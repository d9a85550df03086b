//! The operator, inside this process: with the rights of the chart, caches of its own, and faults. Dropped, it is dead.

use std::sync::Arc;

use kube::client::ClientBuilder;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracklore_e2e::apiserver;
use tracklore_operator::runtime::{
    controller,
    watches::{Progress, Scope},
};

use crate::{faults::Faults, spaces::Space};

/// A running operator.
pub struct Operator {
    /// What happens to its requests.
    pub faults: Faults,
    running: JoinHandle<Result<(), controller::Error>>,
    stop: CancellationToken,
}

impl Operator {
    /// Starts one that keeps the stacks of a namespace.
    pub async fn start(space: &Space, faults: Faults) -> Self {
        Self::start_for(space, 0, faults).await
    }

    /// Starts one that keeps at most so many.
    pub async fn start_for(space: &Space, most: usize, faults: Faults) -> Self {
        let config = apiserver::config(&space.server.kubeconfig("operator")).await;
        let client = ClientBuilder::try_from(config).unwrap().with_layer(&faults).build();
        let scope = Scope::Namespace(space.name.clone());
        let stop = CancellationToken::new();
        let progress = Arc::new(Progress::default());
        let running = tokio::spawn(controller::keep(client, scope, most, progress, stop.clone()));
        Self { faults, running, stop }
    }

    /// Lets its passes end, and ends it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.running).await.unwrap().unwrap();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.running.abort();
    }
}
