//! How far the database knows the log: for each partition the offset after the last record that the outbox has, or had, a
//! row of. A position moves in the transaction that marks the rows, and only over the records of these rows. So whatever
//! stands after it was sent and not marked (a relay died in between), or belongs to a time that the database has lost.

use std::collections::BTreeMap;

use sqlx::{PgConnection, PgExecutor};

use crate::kafka::Ends;

/// The next offset of each partition.
pub(super) type Positions = BTreeMap<i32, i64>;

/// Records of the relay that stand one after the other in a partition: the first offset, and the one after the last.
#[derive(Default)]
pub(super) struct Runs(BTreeMap<(String, i32), (i64, i64)>);

/// Marks rows as published, and moves the positions that stand at the beginning of a run to its end.
pub(super) const MARK: &str = "WITH moved AS (\
     UPDATE outbox_positions AS known SET next = run.next \
     FROM unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) AS run (topic, partition, first, next) \
     WHERE known.topic = run.topic AND known.partition = run.partition AND known.next = run.first) \
     UPDATE outbox SET published_at = now() WHERE id = ANY($1) AND created_at >= $2";

impl Runs {
    /// Takes in where a record stands. What isn't next to those before is left out: somebody else's is in between.
    pub(super) fn add(&mut self, topic: String, partition: i32, offset: i64) {
        let (_, next) = self.0.entry((topic, partition)).or_insert((offset, offset));
        if *next == offset {
            *next += 1;
        }
    }

    /// As [`MARK`] takes them: topics, partitions, first and next offsets.
    pub(super) fn columns(&self) -> (Vec<&str>, Vec<i32>, Vec<i64>, Vec<i64>) {
        let rows = self
            .0
            .iter()
            .map(|((topic, partition), (first, next))| (topic.as_str(), *partition, *first, *next));
        let (mut topics, mut partitions, mut firsts, mut nexts) = (vec![], vec![], vec![], vec![]);
        for (topic, partition, first, next) in rows {
            topics.push(topic);
            partitions.push(partition);
            firsts.push(first);
            nexts.push(next);
        }
        (topics, partitions, firsts, nexts)
    }
}

/// What the database says of the topic.
pub(super) async fn read(database: impl PgExecutor<'_>, topic: &str) -> Result<Positions, sqlx::Error> {
    let rows: Vec<(i32, i64)> =
        sqlx::query_as("SELECT partition, next FROM outbox_positions WHERE topic = $1")
            .bind(topic)
            .fetch_all(database)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Sets the positions to the topic's ends: everything up to there is known, or has been seen to.
pub(super) async fn store(tx: &mut PgConnection, topic: &str, ends: &Ends) -> Result<(), sqlx::Error> {
    let (partitions, nexts): (Vec<i32>, Vec<i64>) =
        ends.iter().map(|(partition, (_, next))| (*partition, *next)).unzip();
    sqlx::query(
        "INSERT INTO outbox_positions (topic, partition, next) \
         SELECT $1, partition, next FROM unnest($2::int[], $3::bigint[]) AS ends (partition, next) \
         ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next",
    )
    .bind(topic)
    .bind(partitions)
    .bind(nexts)
    .execute(tx)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_where_somebody_elses_record_stands() {
        let mut runs = Runs::default();
        for (partition, offset) in [(0, 5), (1, 9), (0, 6), (0, 8), (1, 10)] {
            runs.add("t".to_owned(), partition, offset);
        }
        assert_eq!(runs.columns(), (vec!["t", "t"], vec![0, 1], vec![5, 9], vec![7, 11]));
    }
}
