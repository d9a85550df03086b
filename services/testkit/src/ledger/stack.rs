//! A test's [`Stack`] as the ledger sees it.

use std::collections::BTreeMap;

use tracklore_platform::event::Record;

use super::{
    Door, Login,
    found::{Found, Published, READ_MODEL, REVISIONS, ROWS, ReadModel, Row},
};
use crate::{Account, Stack};

impl From<&Account> for Login {
    fn from(account: &Account) -> Self {
        let Account { id, username, password, access_token, .. } = account.clone();
        Self { id, username, password, token: access_token }
    }
}

impl Stack {
    /// The services as writers reach them, with these replicas of posts and feed.
    pub fn door(&self, posts: &str, feed: &str) -> Door {
        Door {
            http: self.http.clone(),
            auth: self.public_url("auth"),
            posts: self.public_url(posts),
            feed: self.public_url(feed),
        }
    }

    /// Everything that the stores have of posts.
    pub async fn found(&self) -> Found {
        let records = self.records("posts-events").await;
        Found {
            rows: self.rows(ROWS).await,
            revisions: self.rows(REVISIONS).await,
            records: records.iter().filter_map(published).collect(),
            redis: self.read_model().await,
        }
    }

    async fn rows(&self, query: &'static str) -> Vec<Row> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(query).fetch_all(&self.database("posts")).await.expect("Postgres answers");
        rows.iter().filter_map(|(id, version, text)| Row::of(id, version, text)).collect()
    }

    async fn read_model(&self) -> ReadModel {
        let topic = format!("{}posts-events", self.topic_prefix());
        let ask = redis::cmd("EVAL").arg(READ_MODEL).arg(0).arg(topic).to_owned();
        let lines: Vec<String> = self.redis().await.ask(&ask).await;
        ReadModel::of_lines(lines.iter().map(String::as_str))
    }
}

/// A record as the ledger knows it; none when it is no event of a post.
fn published(record: &Record) -> Option<Published> {
    let headers: BTreeMap<_, _> = record.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let text = |name: &str| std::str::from_utf8(headers.get(name)?).ok();
    Some(Published {
        post: std::str::from_utf8(&record.key).ok()?.parse().ok()?,
        sequence: text("ce_sequence")?.parse().ok()?,
        event: text("ce_id")?.to_owned(),
        partition: record.partition,
        offset: record.offset,
    })
}
