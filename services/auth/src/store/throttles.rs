//! Counts of failures, and places where names have logged in.

use sqlx::{PgExecutor, PgPool};
use tracklore_platform::time::Timestamp;

use crate::throttle::Count;

/// Rows forgotten at a time: a short lock, whatever has piled up.
const BATCH: i64 = 500;

#[derive(sqlx::FromRow)]
struct Row {
    key: Vec<u8>,
    failures: i32,
    opens_at: Timestamp,
    forget_at: Timestamp,
}

/// The counts of these keys, which must be sorted, locked until the transaction ends. New ones have no failures.
pub async fn lock(
    executor: impl PgExecutor<'_>,
    keys: &[&[u8]],
    now: Timestamp,
) -> Result<Vec<(Vec<u8>, Count)>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "INSERT INTO throttles (key, failures, opens_at, forget_at) \
         SELECT key, 0, $2, $2 FROM unnest($1::bytea[]) AS key \
         ON CONFLICT (key) DO UPDATE SET failures = throttles.failures \
         RETURNING key, failures, opens_at, forget_at",
    )
    .bind(keys)
    .bind(now)
    .fetch_all(executor)
    .await?;
    let count = |row: &Row| Count {
        failures: u32::try_from(row.failures).unwrap_or(0),
        opens_at: row.opens_at,
        forget_at: row.forget_at,
    };
    Ok(rows.into_iter().map(|row| (row.key.clone(), count(&row))).collect())
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
    .bind(counts.iter().map(|(_, count)| count.opens_at.as_datetime()).collect::<Vec<_>>())
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
    .bind(counts.iter().map(|(_, count)| count.opens_at.as_datetime()).collect::<Vec<_>>())
    .execute(executor)
    .await
    .map(drop)
}

/// Locks those of these keys that there are, in the one order that all transactions keep to.
pub async fn lock_known(executor: impl PgExecutor<'_>, keys: &[&[u8]]) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT key FROM throttles WHERE key = ANY($1) ORDER BY key FOR UPDATE")
        .bind(keys)
        .execute(executor)
        .await
        .map(drop)
}

/// Forgets all failures of these locked keys.
pub async fn clear(executor: impl PgExecutor<'_>, keys: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM throttles WHERE key = ANY($1)").bind(keys).execute(executor).await.map(drop)
}

/// Whether this is a place where the name has logged in.
pub async fn is_known(
    executor: impl PgExecutor<'_>,
    place: &[u8],
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM known_places WHERE key = $1 AND forget_at > $2)")
        .bind(place)
        .bind(now)
        .fetch_one(executor)
        .await
}

/// Remembers these places until `forget_at`.
pub async fn remember(
    executor: impl PgExecutor<'_>,
    places: &[Vec<u8>],
    forget_at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO known_places (key, forget_at) SELECT DISTINCT key, $2 FROM unnest($1::bytea[]) AS key \
         ORDER BY key ON CONFLICT (key) DO UPDATE SET forget_at = excluded.forget_at",
    )
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
