//! Stacks on a real cluster, used by people and by the platform engineer who runs them.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests fail loudly")]

mod applied;
mod backup;
mod cloud_native_pg;
mod deletion;
mod documents;
mod economy;
mod encryption;
mod external;
mod gateway;
mod identity;
mod ingress;
mod isolation;
mod main_job;
mod options;
mod plugin;
mod refusals;
mod restarts;
mod rolling;
mod streams;
mod strimzi;
mod told;
mod upgrade;

use kube::Client;
use tokio::sync::OnceCell;
use tracklore_e2e::TestStack;

/// A client for the test's own runtime.
async fn client() -> Client {
    Client::try_default().await.unwrap()
}

/// The stack that tests share which neither break nor change it; started by the first of them.
async fn shared_stack(client: &Client) -> &'static TestStack {
    static SHARED: OnceCell<TestStack> = OnceCell::const_new();
    SHARED.get_or_init(|| TestStack::start(client, "shared")).await
}

/// A user name that no other test takes.
fn name(start: &str) -> String {
    format!("{start}-{:06x}", rand::random::<u32>() >> 8)
}
