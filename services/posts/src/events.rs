//! Takes in what the other services say: who was deleted (`user-events`), and who follows whom (`profile-events`).

use serde::Deserialize;
use sqlx::PgPool;
use tracklore_platform::{
    admin::Consumed,
    consumer::{Failure, Handler},
    event::{Received, Record},
    id::UserId,
    time::Timestamp,
};

use crate::{
    serve::NAME,
    store::{self, Follow},
    sweeper::Wake,
};

/// Where the events stand.
pub const TOPICS: [&str; 2] = ["user-events", "profile-events"];

/// What an event means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// A follow begins or ends.
    Follow(Follow),
    /// The account is no more.
    Deleted(UserId, Timestamp),
    /// Nothing that concerns posts, or a type of a newer version.
    Nothing,
}

#[derive(Deserialize)]
struct Pair {
    follower_id: UserId,
    followee_id: UserId,
}

#[derive(Deserialize)]
struct Account {
    id: UserId,
}

/// Keeps what posts need to know of users.
#[derive(Clone)]
pub struct Users {
    pool: PgPool,
    purge: Wake,
}

impl Users {
    /// Keeps it in this database; `purge` is woken when somebody's posts are to go.
    pub fn new(pool: PgPool, purge: Wake) -> Self {
        Self { pool, purge }
    }
}

/// For the administration; what is to be removed, the sweeper of the running service finds by itself.
pub fn consumed() -> Consumed<'static, impl Fn(PgPool) -> Users> {
    Consumed { service: NAME, topics: &TOPICS, handler: |pool| Users::new(pool, Wake::default()) }
}

impl Handler for Users {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let Some(event) = record.event()? else { return Ok(()) };
        match news(&event)? {
            News::Follow(follow) => store::learn(&self.pool, follow).await?,
            News::Deleted(user, at) => {
                store::forget_user(&self.pool, user, at).await?;
                self.purge.wake();
            }
            News::Nothing => {}
        }
        Ok(())
    }
}

fn news(event: &Received) -> Result<News, Failure> {
    let poison = |reason: &str| Failure::Poison(reason.to_owned());
    let following = match event.r#type.as_str() {
        "tracklore.user.followed.v1" => true,
        "tracklore.user.unfollowed.v1" => false,
        "tracklore.user.deleted.v1" => {
            let Account { id } = event.payload()?;
            if id.to_string() != event.subject {
                return Err(poison("payload is of another account than ce_subject"));
            }
            return Ok(News::Deleted(id, event.occurred_at));
        }
        _ => return Ok(News::Nothing),
    };
    let Pair { follower_id, followee_id } = event.payload()?;
    if format!("{follower_id}:{followee_id}") != event.subject {
        return Err(poison("payload is of another pair than ce_subject"));
    }
    if event.sequence < 1 {
        return Err(poison("ce_sequence is below 1"));
    }
    let sequence = event.sequence;
    Ok(News::Follow(Follow { follower: follower_id, followee: followee_id, following, sequence }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(r#type: &str, subject: &str, sequence: &str, payload: &Value) -> Result<News, Failure> {
        let header = |key: &str, value: &str| (key.to_owned(), value.as_bytes().to_vec());
        let record = Record {
            topic: "profile-events".to_owned(),
            partition: 0,
            offset: 0,
            key: subject.as_bytes().to_vec(),
            value: Some(payload.to_string().into_bytes()),
            headers: vec![
                header("ce_type", r#type),
                header("ce_subject", subject),
                header("ce_sequence", sequence),
                header("ce_time", "2026-11-20T09:30:00.000Z"),
            ],
        };
        news(&record.event().unwrap().unwrap())
    }

    #[test]
    fn follows_and_deletions_are_understood_and_everything_else_passed_over() {
        let [seven, eight] = [7, 8].map(|id| UserId::try_from(id).unwrap());
        let pair = json!({"follower_id": 7, "followee_id": 8, "occurred_at": "2026-11-20T09:30:00.000Z"});
        for (r#type, following) in
            [("tracklore.user.followed.v1", true), ("tracklore.user.unfollowed.v1", false)]
        {
            let follow = Follow { follower: seven, followee: eight, following, sequence: 3 };
            assert_eq!(read(r#type, "7:8", "3", &pair).unwrap(), News::Follow(follow));
        }
        let deleted = read("tracklore.user.deleted.v1", "7", "2", &json!({"id": 7})).unwrap();
        assert!(matches!(deleted, News::Deleted(id, _) if id == seven));
        for r#type in
            ["tracklore.profile.updated.v1", "tracklore.user.suspended.v1", "tracklore.moon.rose.v9"]
        {
            assert_eq!(read(r#type, "7", "1", &json!({})).unwrap(), News::Nothing);
        }
    }

    #[test]
    fn everything_that_was_ever_published_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events/examples");
        let mut read_in = 0;
        for kind in std::fs::read_dir(folder).unwrap() {
            for example in std::fs::read_dir(kind.unwrap().path()).unwrap() {
                let text = std::fs::read_to_string(example.unwrap().path()).unwrap();
                let example: Value = serde_json::from_str(&text).unwrap();
                let header = |name: &str| example["headers"][name].as_str().unwrap().to_owned();
                let (kind, subject, sequence) =
                    (header("ce_type"), header("ce_subject"), header("ce_sequence"));
                read_in += usize::from(
                    read(&kind, &subject, &sequence, &example["payload"]).unwrap() != News::Nothing,
                );
            }
        }
        assert!(read_in >= 3, "{read_in}");
    }

    #[test]
    fn events_that_contradict_themselves_are_poison() {
        let pair = json!({"follower_id": 7, "followee_id": 8});
        for (r#type, subject, sequence, payload) in [
            ("tracklore.user.followed.v1", "8:7", "1", &pair),
            ("tracklore.user.followed.v1", "7:8", "0", &pair),
            ("tracklore.user.followed.v1", "7:8", "1", &json!({"follower_id": "7", "followee_id": 8})),
            ("tracklore.user.deleted.v1", "8", "1", &json!({"id": 7})),
            ("tracklore.user.deleted.v1", "7", "1", &json!({})),
        ] {
            let result = read(r#type, subject, sequence, payload);
            assert!(matches!(result, Err(Failure::Poison(_))), "{type} {subject} {payload}");
        }
    }
}
