//! The transactional outbox: an event is a row in the transaction of its change, and a relay takes the rows to Kafka.
//! Kafka away means a longer outbox, never an error to the writer.

#[cfg(feature = "deliberate-bugs")]
mod deliberate;
mod gauges;
mod positions;
mod relay;
mod republish;
mod restored;

use sqlx::{PgConnection, types::Json};

pub use relay::Relay;
pub use republish::{RepublishArgs, republish};
pub use restored::{Restate, Restated, Restorer};

use crate::{
    event::Event,
    trace::{self, Described, Kind},
};

/// Events of one statement.
const CHUNK: usize = 500;

/// Writes `event` of `source` (the service) within the caller's transaction.
///
/// Take the aggregate's row lock first: rows of one aggregate are then numbered in the order of their commits.
pub async fn append(connection: &mut PgConnection, source: &str, event: &Event) -> Result<(), sqlx::Error> {
    // within the step, so that the headers name it
    let insert = async {
        sqlx::query(
            "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(event.aggregate_type)
        .bind(&event.aggregate_id)
        .bind(event.r#type)
        .bind(&event.payload)
        .bind(Json(event.headers(source)))
        .execute(connection)
        .await
        .map(drop)
    };
    trace::step(Kind::Producer, || created(event), insert).await
}

/// An event that is on its way, as traces tell of it.
fn created(event: &Event) -> Described {
    Described::new(format!("create {}", topic(event.aggregate_type).unwrap_or("event")))
        .with("messaging.system", "kafka")
        .with("messaging.operation.type", "create")
        .with("tracklore.event.type", event.r#type)
}

/// [`append`] for many events, in their order.
pub async fn append_all(
    connection: &mut PgConnection,
    source: &str,
    events: &[Event],
) -> Result<(), sqlx::Error> {
    for chunk in events.chunks(CHUNK) {
        sqlx::query(
            "INSERT INTO outbox (aggregate_type, aggregate_id, type, payload, headers) \
             SELECT aggregate_type, aggregate_id, type, payload, headers \
             FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::jsonb[]) WITH ORDINALITY \
             AS rows (aggregate_type, aggregate_id, type, payload, headers, position) ORDER BY position",
        )
        .bind(chunk.iter().map(|event| event.aggregate_type).collect::<Vec<_>>())
        .bind(chunk.iter().map(|event| event.aggregate_id.as_str()).collect::<Vec<_>>())
        .bind(chunk.iter().map(|event| event.r#type).collect::<Vec<_>>())
        .bind(chunk.iter().map(|event| &event.payload).collect::<Vec<_>>())
        .bind(chunk.iter().map(|event| Json(event.headers(source))).collect::<Vec<_>>())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The topic of an aggregate type, without the prefix.
fn topic(aggregate_type: &str) -> Option<&'static str> {
    match aggregate_type {
        "user" => Some("user-events"),
        "session" => Some("session-events"),
        "profile" => Some("profile-events"),
        "post" => Some("posts-events"),
        _ => None,
    }
}
