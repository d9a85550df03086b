//! Live updates: what the log of changes tells, and streams of a running service.

use serde_json::{Value, json};
use tracklore_feed::live::{
    change::{self, After},
    follower::Follower,
    hub::Hub,
    scope::Scope,
};
use tracklore_testkit::{Cache, Stack};
use uuid::Uuid;

use crate::{
    events::{empty_stack, post_event, profile_event, user_event},
    model::{Model, following, gone, hidden, post_id, redis_url, shown, user, whispered},
    neighbour::{Neighbour, profiles},
};

/// A hub that has seen where the log ends.
async fn hub(model: &Model) -> Hub {
    let hub = Hub::new(model.redis.clone());
    tokio::spawn(hub.clone().run(tokio_util::sync::CancellationToken::new()));
    tracklore_testkit::eventually("the hub has begun", async || hub.subscribe().map(drop)).await;
    hub
}

async fn follower(hub: &Hub, scope: Scope, reader: i64, cursor: Option<&str>) -> Follower {
    let start = cursor.map(|cursor| change::Position::of_cursor(cursor).unwrap());
    let mut follower = Follower::new(hub, start).unwrap();
    follower.listen(&[scope], Some(user(reader))).await.unwrap();
    follower
}

/// The names of the next so many events, and the last cursor.
async fn names(follower: &mut Follower, count: usize) -> (Vec<&'static str>, String) {
    let (mut names, mut cursor) = (Vec::new(), String::new());
    for _ in 0..count {
        let event = follower.next().await.unwrap();
        names.push(event.told.name());
        cursor = event.cursor;
    }
    (names, cursor)
}

#[tokio::test]
async fn every_change_is_told_to_those_who_may_see_it_and_none_is_merged() {
    let mut model = Model::new(10, 10).await;
    model.apply(&following(1, 7, 1, true)).await;
    let hub = hub(&model).await;
    let mut global = follower(&hub, Scope::Global, 1, None).await;
    let mut home = follower(&hub, Scope::Home, 1, None).await;
    let mut other = follower(&hub, Scope::User(user(8)), 1, None).await;
    for change in [
        whispered(1, 7, 1, 0),
        shown(1, 7, 2, 0),
        shown(1, 7, 3, 0),
        shown(1, 7, 3, 0),
        whispered(1, 7, 4, 0),
        hidden(1, 7, 5),
        shown(2, 7, 1, 1),
        gone(7, 2),
        shown(3, 8, 1, 2),
    ] {
        model.apply(&change).await;
    }
    let public = [
        "activity.created",
        "activity.updated",
        "activity.removed",
        "activity.created",
        "activity.removed",
        "activity.created",
    ];
    assert_eq!(names(&mut global, 6).await.0, public);
    let followed = [
        "activity.created",
        "activity.updated",
        "activity.updated",
        "activity.updated",
        "activity.removed",
        "activity.created",
        "activity.removed",
    ];
    assert_eq!(names(&mut home, 7).await.0, followed);
    let event = other.next().await.unwrap();
    let activity: Value = serde_json::from_slice(&event.told.data()).unwrap();
    assert_eq!(activity, model.list(tracklore_feed::lists::List::Global, 9).await[0]);
    assert_eq!(activity["id"], json!(post_id(3)));
}

#[tokio::test]
async fn a_client_goes_on_after_its_cursor_or_is_told_to_start_anew() {
    let mut model = Model::new(10, 10).await;
    let hub = hub(&model).await;
    let mut first = follower(&hub, Scope::Global, 1, None).await;
    for number in 1..=100 {
        model.apply(&shown(number, 7, 1, 0)).await;
    }
    let (_, cursor) = names(&mut first, 40).await;
    // more than one batch behind
    let mut second = follower(&hub, Scope::Global, 1, Some(&cursor)).await;
    for number in 101..=120 {
        model.apply(&shown(number, 7, 1, 0)).await;
    }
    for number in 41..=120 {
        let data = second.next().await.unwrap().told.data();
        let activity: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(activity["id"], json!(post_id(number)));
    }
    // the log has lost what came after the cursor
    let last = match change::after(&model.redis, None, 1).await.unwrap() {
        After::Lost(position) => position.id.to_string(),
        After::Entries(_) => panic!("nobody's position"),
    };
    model.redis.send(redis::cmd("XTRIM").arg(change::LOG).arg("MAXLEN").arg(1)).await.unwrap();
    model.redis.send(redis::cmd("SET").arg("feed:log:lost").arg(last)).await.unwrap();
    let mut third = follower(&hub, Scope::Global, 1, Some(&cursor)).await;
    assert_eq!(names(&mut third, 1).await.0, ["reset"]);
    model.apply(&shown(121, 7, 1, 0)).await;
    assert_eq!(names(&mut third, 1).await.0, ["activity.created"]);
    // and an emptied Redis is another log
    model.redis.send(&redis::cmd("FLUSHDB")).await.unwrap();
    assert_eq!(names(&mut second, 2).await.0, ["activity.created", "reset"]);
}

#[tokio::test]
async fn a_log_that_went_back_and_has_nothing_newer_makes_streams_start_anew() {
    let mut model = Model::new(10, 10).await;
    let hub = hub(&model).await;
    let mut follower = follower(&hub, Scope::Global, 1, None).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    let mut redis = Cache::open(&redis_url("", model.database)).await;
    let older = redis.copy().await;
    model.apply(&shown(2, 7, 1, 0)).await;
    assert_eq!(names(&mut follower, 2).await.0, ["activity.created"; 2]);
    redis.restore(&older).await;
    assert_eq!(names(&mut follower, 1).await.0, ["reset"]);
}

#[tokio::test]
async fn whoever_is_slow_reads_on_from_redis_and_a_new_follow_starts_anew() {
    let mut model = Model::new(10, 10).await;
    model.apply(&following(1, 7, 1, true)).await;
    let hub = hub(&model).await;
    let mut slow = follower(&hub, Scope::Home, 1, None).await;
    for number in 1..=600 {
        model.apply(&shown(number, 7, 1, 0)).await;
    }
    model.apply(&following(1, 8, 1, true)).await;
    model.apply(&whispered(700, 8, 1, 0)).await;
    let (all, _) = names(&mut slow, 602).await;
    assert!(all[..600].iter().all(|name| *name == "activity.created"));
    assert_eq!(all[600..], ["reset", "activity.created"]);
}

/// The next lines of a stream up to an empty one.
struct Lines(reqwest::Response, Vec<u8>);

impl Lines {
    async fn open(stack: &Stack, query: &str, cursor: Option<&str>) -> Self {
        // right after the start, streams are 503 until the log has been looked at
        let response = tracklore_testkit::eventually("the stream opens", async || {
            let mut request =
                stack.request(reqwest::Method::GET, "feed", &format!("/v1/feed/stream?{query}"));
            if let Some(cursor) = cursor {
                request = request.header("last-event-id", cursor);
            }
            request.send().await.ok().filter(|answer| answer.status() == 200)
        })
        .await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response, Vec::new())
    }

    /// The next block as (id, event, data).
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some(end) = self.1.windows(2).position(|two| two == b"\n\n") {
                let block = String::from_utf8(self.1.drain(..end + 2).collect()).unwrap();
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                    lines.collect::<String>().trim().to_owned()
                };
                let data = serde_json::from_str(&field("data:")).unwrap_or_default();
                return Some((field("id:"), field("event:"), data));
            }
            self.1.extend(self.0.chunk().await.ok().flatten()?);
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_happens_goes_on_where_it_was_and_ends_with_the_service() {
    let mut stack = empty_stack().await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Ada")]));
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Ada").await;
    stack.start("feed").await;
    let mut stream = Lines::open(&stack, "scope=user:7", None).await;
    let (start, name, _) = stream.next().await.unwrap();
    assert!(name.is_empty() && !start.is_empty());
    let ids: Vec<_> = (0..3).map(|_| Uuid::now_v7()).collect();
    let mut cursors = Vec::new();
    for id in &ids {
        // one after the other: of posts in different partitions neither has to be told first
        post_event(&stack, *id, 7, 1, &json!({})).await;
        let (cursor, name, data) = stream.next().await.unwrap();
        assert_eq!((name.as_str(), &data["id"]), ("activity.created", &json!(id)));
        assert_eq!(data["actor"]["display_name"], "Ada");
        cursors.push(cursor);
    }
    let mut again = Lines::open(&stack, "scope=global", Some(&cursors[0])).await;
    again.next().await.unwrap();
    for id in &ids[1..] {
        assert_eq!(again.next().await.unwrap().2["id"], json!(id));
    }
    let mut unknown = Lines::open(&stack, "scope=global", Some("nonsense")).await;
    unknown.next().await.unwrap();
    assert_eq!(unknown.next().await.unwrap().1, "reset");

    for (query, status) in [("scope=home", 401), ("scope=global&ticket=x", 401), ("scope=x", 400), ("", 400)]
    {
        let answer = stack.get("feed", &format!("/v1/feed/stream?{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    stack.stop("feed").await;
    assert!(stream.next().await.is_none());
}
