//! A record that the feed can't process, in the topic of posts.

use std::time::Duration;

use tracklore_testkit::eventually_within;

use crate::ledger::{
    cluster::Cluster,
    evidence::{poison as write, records},
};

/// How long it may take to the dead letters.
const BURIED: Duration = Duration::from_mins(2);

/// Writes it; it was seen when it stands among the dead letters.
pub(super) async fn poison(cluster: &Cluster) -> Result<bool, String> {
    let letters = async || {
        let records = records(cluster, "posts-events.feed.dlq").await.ok()?;
        Some(records.lines().filter(|line| line.starts_with("Partition:")).count())
    };
    let before = letters().await.ok_or("the dead letters can't be read")?;
    write(cluster, "posts-events").await?;
    eventually_within(BURIED, "the record is among the dead letters", async || {
        (letters().await? > before).then_some(())
    })
    .await;
    Ok(true)
}
