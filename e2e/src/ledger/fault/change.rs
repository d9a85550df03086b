//! What a platform engineer does on a busy day.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::json;
use tokio::time::sleep;
use tracklore_testkit::eventually_within;

use crate::{ledger::cluster::Cluster, stack::is_ready};

const AGAIN: Duration = Duration::from_mins(4);
/// How long three replicas share the work.
const TOGETHER: Duration = Duration::from_secs(5);

/// Gives a service so many replicas, and waits until they are there.
pub(super) async fn replicas(cluster: &Cluster, service: &str, count: usize) {
    cluster.change(|spec| spec["services"][service]["replicas"] = json!(count)).await;
    cluster.scaled(service, count).await;
}

/// One, three, one.
pub(super) async fn scale_feed(cluster: &Cluster) -> bool {
    replicas(cluster, "feed", 3).await;
    sleep(TOGETHER).await;
    replicas(cluster, "feed", 1).await;
    true
}

/// Every pod of posts is replaced, as when a new version comes: here the log says more.
pub(super) async fn roll_posts(cluster: &Cluster) -> Result<bool, String> {
    let before = cluster.pods("posts").await;
    let old = before.first().and_then(ResourceExt::uid).ok_or("no pod of posts")?;
    cluster
        .change(|spec| {
            let level = spec["services"]["posts"]["env"][0]["value"].as_str().unwrap_or("info");
            let level = if level == "info" { "info,tracklore=debug" } else { "info" };
            spec["services"]["posts"]["env"] = json!([{"name": "TRACKLORE_LOG", "value": level}]);
        })
        .await;
    eventually_within(AGAIN, "posts has been rolled", async || {
        let now = cluster.pods("posts").await;
        let renewed = now.iter().all(|pod| pod.uid().as_ref() != Some(&old));
        (renewed && !now.is_empty() && now.iter().all(is_ready)).then_some(())
    })
    .await;
    Ok(true)
}
