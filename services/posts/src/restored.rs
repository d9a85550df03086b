//! What is to be said of posts after the database was restored to an earlier time: see [`tracklore_platform::outbox::Restate`].

use std::collections::HashSet;

use sqlx::PgConnection;
use tracklore_platform::{
    event::Received,
    kafka::Start,
    outbox::{Restate, Restated},
    problem::Chain,
    replay::Replay,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    event,
    events::{self, Users},
    store,
};

/// Posts, as this database has them.
pub struct Posts {
    /// Takes in what others said of users.
    pub users: Replay<Users>,
}

impl Restate for Posts {
    const SOURCE: &'static str = event::SOURCE;
    const TOPIC: &'static str = "posts-events";

    async fn restate(&self, tx: &mut PgConnection, lost: &[Received]) -> sqlx::Result<Restated> {
        let now = Timestamp::now();
        let id = |event: &Received| event.subject.parse::<Uuid>().ok();
        let above: Vec<_> = lost.iter().filter_map(|event| Some((id(event)?, event.sequence))).collect();
        let posts = store::raise(tx, &above).await?;
        let there: HashSet<_> = posts.iter().map(|post| post.id).collect();
        let gone = lost.iter().filter(|event| id(event).is_some_and(|id| !there.contains(&id)));
        Ok(Restated {
            gone: gone.filter_map(|last| event::lost(last, now)).collect(),
            there: posts.iter().map(|post| event::restated(post, now)).collect(),
        })
    }

    async fn relearn(&self) {
        for topic in events::TOPICS {
            match self.users.topic(topic, Start::Beginning).await {
                Ok(count) => tracing::info!(topic, count, "events applied again for the restored database"),
                Err(error) => {
                    tracing::warn!(topic, error = %Chain(&error), "events can't be applied again, do so by replay");
                }
            }
        }
    }
}
