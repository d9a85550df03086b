//! Counts of failures, and places where names have logged in.
//!
//! What is counted doesn't wait for the disk (`unhurried`): where the database itself dies, the last moments before may be lost,
//! and with them nothing that anybody was told.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};
use tracklore_platform::time::Timestamp;

use crate::throttle::{Count, Undelayed};

/// Rows forgotten at a time: a short lock, whatever has piled up.
const BATCH: i64 = 500;

/// What is tried.
pub struct About {
    /// On this name, from wherever.
    pub subject: Vec<u8>,
    /// On it from here.
    pub place: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Row {
    key: Vec<u8>,
    failures: i32,
    opens_at: Timestamp,
    forget_at: Timestamp,
}

impl Row {
    fn counted(self) -> (Vec<u8>, Count) {
        let failures = u32::try_from(self.failures).unwrap_or(0);
        (self.key, Count { failures, opens_at: self.opens_at, forget_at: self.forget_at })
    }
}

/// Charges an attempt to a network and to what is tried from it (`place` where the name has logged in from there before, else
/// `subject`), where that causes no delay; those that were charged. One statement, as nearly all attempts are such.
pub async fn charge_undelayed(
    executor: impl PgExecutor<'_>,
    (network, of_network): (&[u8], Undelayed),
    (about, of_subject): (Option<&About>, Undelayed),
    now: Timestamp,
) -> Result<Vec<(Vec<u8>, Count)>, sqlx::Error> {
    let failures = |undelayed: Undelayed| i32::try_from(undelayed.failures).unwrap_or(i32::MAX);
    let rows: Vec<Row> = sqlx::query_as(
        "WITH unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), \
         wanted AS ( \
            SELECT $1 AS key, $5::integer AS undelayed, $6 AS forget_at UNION \
            SELECT CASE WHEN EXISTS (SELECT FROM known_places WHERE key = $3 AND forget_at > $4) THEN $3 ELSE $2 END, $7, $8 \
            WHERE $2::bytea IS NOT NULL) \
         INSERT INTO throttles (key, failures, opens_at, forget_at) \
         SELECT key, 1, $4, forget_at FROM wanted, unhurried WHERE undelayed > 0 ORDER BY key \
         ON CONFLICT (key) DO UPDATE SET opens_at = excluded.opens_at, forget_at = excluded.forget_at, \
            failures = CASE WHEN throttles.forget_at > $4 THEN throttles.failures ELSE 0 END + 1 \
         WHERE throttles.forget_at <= $4 OR throttles.failures < CASE WHEN throttles.key = $1 THEN $5 ELSE $7 END \
         RETURNING key, failures, opens_at, forget_at",
    )
    .bind(network)
    .bind(about.map(|about| about.subject.as_slice()))
    .bind(about.map(|about| about.place.as_slice()))
    .bind(now)
    .bind(failures(of_network))
    .bind(of_network.forget_at)
    .bind(failures(of_subject))
    .bind(of_subject.forget_at)
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(Row::counted).collect())
}

/// The counts of a network and of what is tried from it, locked until the transaction ends: of `place` where the name has
/// logged in from there before, else of `subject`. New ones have no failures. Always in one order, so that two attempts
/// never wait for each other.
pub async fn lock(
    executor: impl PgExecutor<'_>,
    network: &[u8],
    about: Option<&About>,
    now: Timestamp,
) -> Result<Vec<(Vec<u8>, Count)>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)) \
         INSERT INTO throttles (key, failures, opens_at, forget_at) \
         SELECT key, 0, $4, $4 FROM unhurried, ( \
            SELECT $1 AS key UNION \
            SELECT CASE WHEN EXISTS (SELECT FROM known_places WHERE key = $3 AND forget_at > $4) THEN $3 ELSE $2 END \
            WHERE $2::bytea IS NOT NULL \
         ) AS wanted ORDER BY key \
         ON CONFLICT (key) DO UPDATE SET failures = throttles.failures \
         RETURNING key, failures, opens_at, forget_at",
    )
    .bind(network)
    .bind(about.map(|about| about.subject.as_slice()))
    .bind(about.map(|about| about.place.as_slice()))
    .bind(now)
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(Row::counted).collect())
}

/// Keeps locked counts.
pub async fn keep(executor: impl PgExecutor<'_>, counts: &[(Vec<u8>, Count)]) -> Result<(), sqlx::Error> {
    let failures: Vec<_> =
        counts.iter().map(|(_, count)| i32::try_from(count.failures).unwrap_or(i32::MAX)).collect();
    sqlx::query(
        "UPDATE throttles SET failures = given.failures, opens_at = given.opens_at, forget_at = given.forget_at \
         FROM unnest($1::bytea[], $2::integer[], $3::timestamptz[], $4::timestamptz[]) \
              AS given (key, failures, opens_at, forget_at) \
         WHERE throttles.key = given.key",
    )
    .bind(keys(counts))
    .bind(failures)
    .bind(opening(counts))
    .bind(counts.iter().map(|(_, count)| count.forget_at.as_datetime()).collect::<Vec<_>>())
    .execute(executor)
    .await
    .map(drop)
}

/// Takes back one attempt each; the delay that it caused goes, too, unless another attempt has caused a later one.
pub async fn give_back(
    executor: impl PgExecutor<'_>,
    counts: &[(Vec<u8>, Count)],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE throttles SET failures = failures - 1, \
                opens_at = CASE WHEN throttles.opens_at = given.opens_at THEN to_timestamp(0) ELSE throttles.opens_at END \
         FROM (SELECT throttles.key, given.opens_at \
               FROM throttles JOIN unnest($1::bytea[], $2::timestamptz[]) AS given (key, opens_at) USING (key) \
               ORDER BY key FOR UPDATE OF throttles) AS given \
         WHERE throttles.key = given.key AND failures > 0",
    )
    .bind(keys(counts))
    .bind(opening(counts))
    .execute(executor)
    .await
    .map(drop)
}

/// An attempt went well: what was counted against `cleared` is forgotten, `charged` get one attempt back each, and `places`
/// are known until `forget_at`, or a day less: a place that is used again and again isn't written each time. Locks in the one
/// order that all transactions keep to, and doesn't wait for the disk.
pub async fn settle(
    executor: impl PgExecutor<'_>,
    charged: &[(Vec<u8>, Count)],
    cleared: &[Vec<u8>],
    places: &[Vec<u8>],
    forget_at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH unhurried AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), \
         charged AS (SELECT * FROM unnest($1::bytea[], $2::timestamptz[]) AS given (key, opens_at)), \
         locked AS MATERIALIZED ( \
            SELECT key FROM throttles, unhurried WHERE key = ANY($1 || $3) ORDER BY key FOR UPDATE OF throttles), \
         gone AS (DELETE FROM throttles USING locked WHERE throttles.key = locked.key AND locked.key = ANY($3)), \
         given_back AS ( \
            UPDATE throttles SET failures = failures - 1, \
                   opens_at = CASE WHEN throttles.opens_at = charged.opens_at THEN to_timestamp(0) ELSE throttles.opens_at END \
            FROM locked JOIN charged USING (key) \
            WHERE throttles.key = locked.key AND locked.key <> ALL($3) AND failures > 0) \
         INSERT INTO known_places (key, forget_at) SELECT DISTINCT key, $5 FROM unnest($4::bytea[]) AS key \
         ORDER BY key ON CONFLICT (key) DO UPDATE SET forget_at = excluded.forget_at \
         WHERE known_places.forget_at < excluded.forget_at - interval '1 day'",
    )
    .bind(keys(charged))
    .bind(opening(charged))
    .bind(cleared)
    .bind(places)
    .bind(forget_at)
    .execute(executor)
    .await
    .map(drop)
}

/// Forgets what means nothing any more at `now`.
pub async fn forget(pool: &PgPool, now: Timestamp) -> Result<(), sqlx::Error> {
    for statement in [
        "DELETE FROM throttles WHERE key IN (SELECT key FROM throttles WHERE forget_at <= $1 \
         ORDER BY forget_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        "DELETE FROM known_places WHERE key IN (SELECT key FROM known_places WHERE forget_at <= $1 \
         ORDER BY forget_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
    ] {
        loop {
            let done = sqlx::query(statement).bind(now).bind(BATCH).execute(pool).await?;
            if done.rows_affected() < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}

fn keys(counts: &[(Vec<u8>, Count)]) -> Vec<&[u8]> {
    counts.iter().map(|(key, _)| key.as_slice()).collect()
}

fn opening(counts: &[(Vec<u8>, Count)]) -> Vec<DateTime<Utc>> {
    counts.iter().map(|(_, count)| count.opens_at.as_datetime()).collect()
}
