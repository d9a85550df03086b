//! Takes in `user-events`: accounts made, changed, suspended and deleted.

use sqlx::PgPool;
use tracklore_platform::{
    admin::Consumed,
    consumer::{Failure, Handler},
    event::{Received, Record},
};

use crate::{
    domain::{Account, Reference},
    serve::NAME,
    store::references,
};

/// Where the events stand.
pub const TOPIC: &str = "user-events";

const CREATED: &str = "tracklore.user.created.v1";
const UPDATED: &str = "tracklore.user.updated.v1";
const SUSPENDED: &str = "tracklore.user.suspended.v1";
const DELETED: &str = "tracklore.user.deleted.v1";

/// Keeps `auth_users` as the events say.
pub struct UserEvents {
    pool: PgPool,
}

impl UserEvents {
    /// Keeps it in this database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

/// For the administration.
pub fn consumed() -> Consumed<'static, impl Fn(PgPool) -> UserEvents> {
    Consumed { service: NAME, topics: &[TOPIC], handler: UserEvents::new }
}

impl Handler for UserEvents {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let Some(event) = record.event()? else { return Ok(()) };
        if let Some(reference) = reference(&event)? {
            references::learn(&self.pool, reference).await?;
        } else {
            // an event that a newer auth publishes and this version doesn't need
            tracing::debug!(r#type = event.r#type, "event of an unknown type passed over");
        }
        Ok(())
    }
}

/// What the event says of its account; `None` for types that say nothing to this service.
fn reference(event: &Received) -> Result<Option<Reference>, Failure> {
    if ![CREATED, UPDATED, SUSPENDED, DELETED].contains(&event.r#type.as_str()) {
        return Ok(None);
    }
    let poison = |reason: &str| Failure::Poison(reason.to_owned());
    let account: Account = event.payload()?;
    if account.id.to_string() != event.subject {
        return Err(poison("payload is of another account than ce_subject"));
    }
    if event.sequence < 1 {
        return Err(poison("ce_sequence is below 1"));
    }
    let reference = account
        .reference(event.sequence, event.occurred_at)
        .map_err(|nameless| Failure::Poison(nameless.to_string()))?;
    if (event.r#type == DELETED) != reference.is_tombstone() {
        return Err(poison("status in the payload contradicts ce_type"));
    }
    Ok(Some(reference))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Status;

    fn record(r#type: &str, sequence: &str, payload: &Value) -> Record {
        let header = |key: &str, value: &str| (key.to_owned(), value.as_bytes().to_vec());
        Record {
            topic: TOPIC.to_owned(),
            partition: 0,
            offset: 0,
            key: b"7".to_vec(),
            value: Some(payload.to_string().into_bytes()),
            headers: vec![
                header("ce_type", r#type),
                header("ce_subject", "7"),
                header("ce_sequence", sequence),
                header("ce_time", "2026-11-20T09:30:00.000Z"),
            ],
        }
    }

    fn ada(status: &str) -> Value {
        json!({"id": 7, "username": "ada", "status": status, "created_at": "2026-11-20T09:30:00.000Z"})
    }

    fn read(r#type: &str, sequence: &str, payload: &Value) -> Result<Option<Reference>, Failure> {
        reference(&record(r#type, sequence, payload).event().unwrap().unwrap())
    }

    #[test]
    fn each_known_type_gives_its_account() {
        for (r#type, status, expected) in [
            (CREATED, "active", Status::Active),
            (UPDATED, "active", Status::Active),
            (SUSPENDED, "suspended", Status::Suspended),
            (DELETED, "deleted", Status::Deleted),
        ] {
            let reference = read(r#type, "3", &ada(status)).unwrap().unwrap();
            assert_eq!((reference.status, reference.sequence), (expected, 3));
        }
    }

    #[test]
    fn types_of_newer_versions_are_passed_over() {
        assert!(read("tracklore.user.celebrated.v1", "1", &json!({"any": "thing"})).unwrap().is_none());
    }

    #[test]
    fn events_that_contradict_themselves_are_poison() {
        let other =
            json!({"id": 8, "username": "ada", "status": "active", "created_at": "2026-11-20T09:30:00Z"});
        for (r#type, sequence, payload) in [
            (CREATED, "1", json!({"id": 7})),
            (CREATED, "1", json!("text")),
            (CREATED, "1", other),
            (CREATED, "0", ada("active")),
            (CREATED, "1", ada("deleted")),
            (CREATED, "1", ada("dancing")),
            (DELETED, "2", ada("active")),
        ] {
            let result = read(r#type, sequence, &payload);
            assert!(matches!(result, Err(Failure::Poison(_))), "{type} {sequence} {payload}");
        }
    }
}
