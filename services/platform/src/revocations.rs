//! Follows `session-events`, so that a session that ended anywhere is refused everywhere within a second.
//!
//! Every process reads the whole topic for itself, from one token lifetime ago: all partitions by assignment, those
//! that come later too. There is no consumer group, because nothing is shared and no offset is kept. While Kafka is
//! away nothing new is heard, and tokens are good until they expire: short lives are the second line.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    event::Record,
    kafka::{Kafka, PATIENCE},
    metrics::{SESSIONS_ENDED, SESSIONS_REFUSED},
    server::Background,
    time::Timestamp,
    token::{MAX_TOKEN_LIFE, Revoked},
};

const TOPIC: &str = "session-events";
const REVOKED: &str = "tracklore.session.revoked.v1";
/// Longer than the longest token life, for clocks that differ.
const LOOK_BACK: Duration = MAX_TOKEN_LIFE.saturating_add(Duration::from_mins(1));
/// How long a start waits until all earlier ends are known.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// How often new partitions are looked for, and old sessions forgotten.
const LOOK: Duration = Duration::from_secs(10);
/// …and while none is known.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Ended {
    session_id: Uuid,
    revoked_at: Timestamp,
}

/// Fills the returned set as long as `background` runs. Waits a moment until what ended before is known; a Kafka that
/// is away delays the start, and doesn't prevent it.
pub async fn follow(kafka: &Kafka, background: &Background) -> Revoked {
    let revoked = Revoked::default();
    let (caught_up, mut waiting) = watch::channel(false);
    let follower = Follower { kafka: kafka.clone(), revoked: revoked.clone(), caught_up };
    background.spawn(|stop| {
        // librdkafka's calls block; nothing is lost when the process ends in the middle of one
        thread::spawn(move || follower.run(&stop));
        std::future::ready(())
    });
    let caught_up = tokio::time::timeout(START_PATIENCE, waiting.wait_for(|caught_up| *caught_up)).await;
    if caught_up.is_err() {
        tracing::warn!(
            "ended sessions can't be read from Kafka yet: their tokens are good until they expire"
        );
    }
    revoked
}

/// Says what librdkafka says, but for what is no error here.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if !is_expected(&error) {
            tracing::warn!(%error, reason, "Kafka client");
        }
    }
}

impl ConsumerContext for Quiet {}

/// The end of a partition, and that there is no right to join a group: none is joined.
fn is_expected(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(code, Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::GroupAuthorizationFailed))
        || matches!(error, KafkaError::PartitionEOF(_))
}

struct Follower {
    kafka: Kafka,
    revoked: Revoked,
    caught_up: watch::Sender<bool>,
}

/// What is read, and how far.
#[derive(Default)]
struct Progress {
    partitions: BTreeSet<i32>,
    /// Those that aren't read up to where they ended at the start, and where that is. (To be told by Kafka that nothing
    /// comes any more takes as long as it waits for something to come.)
    behind: BTreeMap<i32, i64>,
}

impl Follower {
    fn run(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.read(stop) {
                tracing::warn!(%error, "ended sessions can't be read");
                thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Until `stop`, or until Kafka hasn't answered for so long that another client shall look for it.
    fn read(&self, stop: &CancellationToken) -> KafkaResult<()> {
        let config = self.kafka.reader("tracklore-sessions");
        let consumer: BaseConsumer<Quiet> = config.create_with_context(Quiet)?;
        let topic = self.kafka.name(TOPIC);
        let (mut progress, mut looked_at, mut answered_at) =
            (Progress::default(), None::<Instant>, Instant::now());
        while !stop.is_cancelled() {
            let pause = if progress.partitions.is_empty() { LOOK_AGAIN } else { LOOK };
            if looked_at.is_none_or(|at| at.elapsed() > pause) {
                match take_partitions(&consumer, &topic, &mut progress) {
                    Ok(()) => answered_at = Instant::now(),
                    Err(error) if answered_at.elapsed() > PATIENCE => return Err(error),
                    Err(error) => tracing::debug!(%error, "partitions of ended sessions can't be looked up"),
                }
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
                metrics::gauge!(SESSIONS_REFUSED.name).set(self.revoked.expire(Timestamp::now()) as f64);
                looked_at = Some(Instant::now());
            }
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    self.take(&Record::from_message(&message));
                    progress.behind.retain(|partition, end| {
                        *partition != message.partition() || message.offset() + 1 < *end
                    });
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    progress.behind.remove(&partition);
                }
                None => {}
                Some(Err(error)) if is_expected(&error) => {}
                Some(Err(error)) => tracing::warn!(%error, "ended sessions are late"),
            }
            if !progress.partitions.is_empty() && progress.behind.is_empty() {
                self.caught_up.send_replace(true);
            }
        }
        Ok(())
    }

    /// Notes the session; what is no event of this kind says nothing about one.
    fn take(&self, record: &Record) {
        match record.event() {
            Ok(Some(event)) if event.r#type == REVOKED => match event.payload::<Ended>() {
                Ok(ended) => {
                    self.revoked.insert(ended.session_id, ended.revoked_at);
                    metrics::counter!(SESSIONS_ENDED.name).increment(1);
                }
                Err(error) => {
                    tracing::error!(%error, offset = record.offset, "bad event of an ended session");
                }
            },
            Ok(_) => {}
            Err(error) => tracing::error!(%error, offset = record.offset, "bad event of an ended session"),
        }
    }
}

/// Begins to read the partitions that aren't read yet: the first ones from a token lifetime ago, later ones whole.
fn take_partitions(consumer: &BaseConsumer<Quiet>, topic: &str, progress: &mut Progress) -> KafkaResult<()> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let all = metadata.topics().iter().flat_map(rdkafka::metadata::MetadataTopic::partitions);
    let new: Vec<i32> = all
        .map(rdkafka::metadata::MetadataPartition::id)
        .filter(|p| !progress.partitions.contains(p))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut assignment = TopicPartitionList::new();
    let mut behind = BTreeMap::new();
    for &partition in &new {
        let start = if progress.partitions.is_empty() {
            let (start, end) = start(consumer, topic, partition)?;
            if start < end {
                behind.insert(partition, end);
            }
            Offset::Offset(start)
        } else {
            Offset::Beginning
        };
        assignment.add_partition_offset(topic, partition, start)?;
    }
    consumer.incremental_assign(&assignment)?;
    tracing::info!(partitions = ?new, "following the ends of sessions");
    progress.behind.extend(behind);
    progress.partitions.extend(new);
    Ok(())
}

/// Where to start, and where the partition ends.
fn start(consumer: &BaseConsumer<Quiet>, topic: &str, partition: i32) -> KafkaResult<(i64, i64)> {
    // asked first: what comes after it and before the next question is then read, too
    let (_, end) = consumer.fetch_watermarks(topic, partition, TIMEOUT)?;
    let look_back = i64::try_from(LOOK_BACK.as_millis()).unwrap_or(i64::MAX);
    let mut times = TopicPartitionList::new();
    let since = Offset::Offset(Timestamp::now().unix_millis() - look_back);
    times.add_partition_offset(topic, partition, since)?;
    let found = consumer.offsets_for_times(times, TIMEOUT)?;
    let offset = found.find_partition(topic, partition).map(|found| found.offset());
    Ok(match offset {
        Some(Offset::Offset(offset)) => (offset, end),
        _ => (end, end),
    })
}
