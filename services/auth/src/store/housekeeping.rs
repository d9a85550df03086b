//! Forgetting what has had its time, a thousand rows at once, so that no lock is held for long.

use std::time::Duration;

use sqlx::PgPool;
use tracklore_platform::time::Timestamp;

const BATCH: u64 = 1_000;

/// What is forgotten: `$1` is the present, `$2` the most rows. Ended sessions stay for a week, for `/me/export`.
const OVER: [(&str, &str); 6] = [
    (
        "sessions",
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
         WHERE expires_at < $1 - interval '7 days' OR revoked_at < $1 - interval '7 days' LIMIT $2)",
    ),
    (
        "one-time tokens",
        "DELETE FROM one_time_tokens WHERE hash IN \
         (SELECT hash FROM one_time_tokens WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "sign-ups",
        "DELETE FROM pending_signups WHERE id IN \
         (SELECT id FROM pending_signups WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "changes of addresses",
        "DELETE FROM email_changes WHERE user_id IN \
         (SELECT user_id FROM email_changes WHERE expires_at < $1 LIMIT $2)",
    ),
    (
        "reserved names",
        "DELETE FROM reserved_usernames WHERE name IN \
         (SELECT name FROM reserved_usernames WHERE until < $1 LIMIT $2)",
    ),
    (
        "mails",
        "DELETE FROM mails WHERE id IN \
         (SELECT id FROM mails WHERE done_at < $1 - interval '1 day' LIMIT $2)",
    ),
];

/// Forgets everything whose time is over at `now`; the days of the audit trail after `keep_audit`.
pub async fn run(pool: &PgPool, keep_audit: Duration, now: Timestamp) -> Result<(), sqlx::Error> {
    for (what, statement) in OVER {
        loop {
            let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let done = sqlx::query(statement).bind(now).bind(limit).execute(pool).await?;
            if done.rows_affected() > 0 {
                tracing::debug!(what, rows = done.rows_affected(), "forgotten");
            }
            if done.rows_affected() < BATCH {
                break;
            }
        }
    }
    sqlx::query("SELECT account_events_maintain(make_interval(secs => $1))")
        .bind(keep_audit.as_secs_f64())
        .execute(pool)
        .await
        .map(drop)
}
