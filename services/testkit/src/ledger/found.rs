//! What the stores have in the end, however it was read, and how each of them is asked for it.

use std::collections::BTreeMap;

use uuid::Uuid;

/// Everything that was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Rows of posts.
    pub rows: Vec<Row>,
    /// What posts were before.
    pub revisions: Vec<Row>,
    /// Records of `posts-events`, in the order of each partition.
    pub records: Vec<Published>,
    /// What Redis has.
    pub redis: ReadModel,
}

/// A row of `posts`, or a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which post.
    pub id: Uuid,
    /// Its version.
    pub version: usize,
    /// What it says.
    pub text: String,
}

/// A record in Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Which post.
    pub post: Uuid,
    /// `ce_sequence`.
    pub sequence: usize,
    /// `ce_id`: the same when an event was sent again.
    pub event: String,
    /// Where it stands.
    pub partition: i32,
    /// Where in the partition.
    pub offset: i64,
}

/// What Redis has of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadModel {
    /// By name (`global`, `user:7`, `circle:7`), newest first.
    pub lists: BTreeMap<String, Vec<Uuid>>,
    /// By post.
    pub posts: BTreeMap<Uuid, Kept>,
    /// The next offset of each partition of `posts-events`.
    pub offsets: BTreeMap<i32, i64>,
}

/// What Redis has of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Of the last event.
    pub sequence: usize,
    /// What the post says; none when it isn't to be seen.
    pub text: Option<String>,
}

/// Asks Postgres for [`Found::rows`]: id, version, text.
pub const ROWS: &str = "SELECT id::text, version::text, text FROM posts";
/// Asks Postgres for [`Found::revisions`].
pub const REVISIONS: &str = "SELECT post_id::text, version::text, text FROM revisions";

/// Asks Redis for everything that [`ReadModel::of_lines`] reads; a script for `EVAL` without keys, by somebody who may read all.
/// Its argument is the name of the topic.
pub const READ_MODEL: &str = "
local base = redis.call('GET', 'feed:generation') or 'feed:'
local lines = {}
local function all(kind) return redis.call('KEYS', base .. kind .. '*') end
for _, key in ipairs(all('activity:')) do
  local name = string.sub(key, #base + 10)
  lines[#lines + 1] = 'list ' .. name .. ' ' .. table.concat(redis.call('ZREVRANGE', key, 0, -1), ' ')
end
for _, key in ipairs(all('post:')) do
  local post = redis.call('HMGET', key, 'sequence', 'body')
  if post[1] then
    lines[#lines + 1] = 'post ' .. string.sub(key, #base + 6) .. ' ' .. post[1] .. ' ' .. (post[2] or '')
  end
end
local offsets = redis.call('HGETALL', base .. 'offset:' .. ARGV[1])
for i = 1, #offsets, 2 do lines[#lines + 1] = 'offset ' .. offsets[i] .. ' ' .. offsets[i + 1] end
return lines
";

impl Row {
    /// Of the columns of [`ROWS`] and [`REVISIONS`].
    pub fn of(id: &str, version: &str, text: &str) -> Option<Self> {
        Some(Self { id: id.parse().ok()?, version: version.parse().ok()?, text: text.to_owned() })
    }
}

impl ReadModel {
    /// Of what [`READ_MODEL`] answers.
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut model = Self::default();
        for line in lines {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("list"), Some(name), _) => {
                    let ids = line.split(' ').skip(2).filter_map(|id| id.parse().ok());
                    model.lists.insert(name.to_owned(), ids.collect());
                }
                (Some("post"), Some(id), Some(sequence)) => {
                    if let Some((id, kept)) = kept(id, sequence, words.next().unwrap_or_default()) {
                        model.posts.insert(id, kept);
                    }
                }
                (Some("offset"), Some(partition), Some(next)) => {
                    if let (Ok(partition), Ok(next)) = (partition.parse(), next.parse()) {
                        model.offsets.insert(partition, next);
                    }
                }
                _ => {}
            }
        }
        model
    }
}

fn kept(id: &str, sequence: &str, body: &str) -> Option<(Uuid, Kept)> {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let text = body.get("text").and_then(|text| text.as_str()).map(str::to_owned);
    Some((id.parse().ok()?, Kept { sequence: sequence.parse().ok()?, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_redis_become_lists_posts_and_offsets() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let lines = [
            format!("list global {b} {a}"),
            "list user:7 ".to_owned(),
            format!("post {a} 3 {{\"text\":\"with some words\"}}"),
            format!("post {b} 2 {{\"text\":\"x\"}}"),
            format!("post {} 4 ", Uuid::from_u128(3)),
            "offset 0 17".to_owned(),
            "offset cluster abc".to_owned(),
            "offset 0:id abc".to_owned(),
        ];
        let model = ReadModel::of_lines(lines.iter().map(String::as_str));
        assert_eq!(model.lists, [("global".to_owned(), vec![b, a]), ("user:7".to_owned(), vec![])].into());
        assert_eq!(
            model.posts.into_values().collect::<Vec<_>>(),
            [
                Kept { sequence: 3, text: Some("with some words".to_owned()) },
                Kept { sequence: 2, text: Some("x".to_owned()) },
                Kept { sequence: 4, text: None },
            ]
        );
        assert_eq!(model.offsets, [(0, 17)].into());
    }
}
