//! How many dead letters wait, told to Prometheus.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::producer::Producer;
use tokio_util::sync::CancellationToken;

use super::{DeadLetters, DlqError};
use crate::{metrics::DEAD_LETTERS, problem::Chain};

const INTERVAL: Duration = Duration::from_secs(30);
/// …and while Kafka doesn't answer.
const SOON: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a topic begins and ends.
type Ends = (i64, i64);

impl DeadLetters {
    /// Counts the letters until `stop`. They are read only when the topic has changed: mostly it is empty.
    pub(crate) async fn measure(&self, stop: CancellationToken) {
        let mut seen = BTreeMap::new();
        loop {
            let mut pause = INTERVAL;
            for topic in &self.topics {
                if let Err(error) = self.look(topic, &mut seen).await {
                    tracing::debug!(error = %Chain(&error), topic, "dead letters can't be counted now");
                    pause = SOON;
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    async fn look(&self, topic: &str, seen: &mut BTreeMap<String, (Ends, usize)>) -> Result<(), DlqError> {
        let (producer, name) = (self.producer.clone(), self.of(topic));
        let ask = move || producer.client().fetch_watermarks(&name, 0, TIMEOUT);
        let Ok(ends) = tokio::task::spawn_blocking(ask).await else { return Ok(()) };
        let ends @ (low, high) = ends.map_err(DlqError::Write)?;
        let letters = match seen.get(topic) {
            Some((then, letters)) if *then == ends => *letters,
            _ if low == high => 0,
            _ => self.list_of(topic).await?.len(),
        };
        // at every look: what was told before metrics are recorded is lost
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
        metrics::gauge!(DEAD_LETTERS.name, "messaging_destination_name" => topic.to_owned())
            .set(letters as f64);
        seen.insert(topic.to_owned(), (ends, letters));
        Ok(())
    }
}
