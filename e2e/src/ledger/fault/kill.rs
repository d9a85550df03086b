//! SIGKILL, from the node: no grace, no new pod, only another process in its place.

use std::time::Duration;

use tracklore_testkit::eventually_within;

use super::change;
use crate::{
    ledger::{
        cluster::{Cluster, Container},
        evidence::query,
    },
    stack::is_ready,
};

const AGAIN: Duration = Duration::from_mins(4);

/// Kills a container's first process, and with it all others.
pub(super) async fn kill(cluster: &Cluster, component: &str, container: &Container) -> Result<bool, String> {
    cluster.on_node(container, &format!("kill -9 {}", container.pid)).await?;
    cluster.restarted(component, container).await;
    Ok(true)
}

/// Kills that replica of posts whose relay holds the lock just now.
pub(super) async fn active_relay(cluster: &Cluster) -> Result<bool, String> {
    let pods = cluster.pods("posts").await;
    let mut containers = Vec::new();
    for pod in &pods {
        containers.push(cluster.container_of(pod, "posts").await?);
    }
    // the relay's lock, "outbox" in ASCII, is one of two halves
    let holder = "SELECT host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid) \
        WHERE locktype = 'advisory' AND granted AND classid = 28533 AND objid = 1952608120 LIMIT 1";
    for _ in 0..100 {
        let address = query(cluster, holder).await?;
        let Some(container) = containers.iter().find(|container| container.address == address.trim()) else {
            continue;
        };
        cluster.on_node(container, &format!("kill -9 {}", container.pid)).await?;
        eventually_within(AGAIN, "both replicas of posts have a container", async || {
            let mut containers = Vec::new();
            for pod in cluster.pods("posts").await.iter().filter(|pod| is_ready(pod)) {
                containers.push(cluster.container_of(pod, "posts").await.ok()?.id);
            }
            (containers.len() == 2 && !containers.contains(&container.id)).then_some(())
        })
        .await;
        change::replicas(cluster, "posts", 1).await;
        return Ok(true);
    }
    change::replicas(cluster, "posts", 1).await;
    Err("no relay was seen at work".to_owned())
}
