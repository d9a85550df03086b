//! What the log tells live streams of posts: each event once and in order, whatever the lists know already, or that
//! something was missed.

use std::{cmp::Reverse, time::Duration};

use proptest::{prelude::*, sample::Index};
use tracklore_feed::{
    fill::BOTTOM,
    lists::{Limits, List},
    live::change::{self, After, Change, Position, Sight},
    upkeep,
};
use tracklore_platform::time::Timestamp;

use crate::{
    laws::{PostLife, Seen, run, world},
    model::{Model, hidden, post_id, shown, user, whispered},
};

/// A model whose log somebody listens to, and where the log begins.
async fn listened_to(limits: Limits) -> (Model, Position) {
    let model = Model::unknown(limits).await;
    change::begin(&model.redis).await.unwrap();
    match change::after(&model.redis, None, 1).await.unwrap() {
        After::Lost(begin) => (model, begin),
        After::Entries(_) => unreachable!("nobody's position"),
    }
}

fn limits(keep: usize) -> Limits {
    Limits { show_global: keep, show_user: keep, keep_global: keep, keep_user: keep }
}

/// All that was told since `begin`.
async fn told(model: &Model, begin: &Position) -> Vec<Change> {
    match change::after(&model.redis, Some(begin), 9_999).await.unwrap() {
        After::Entries(entries) => entries.into_iter().map(|entry| entry.change).collect(),
        After::Lost(_) => unreachable!("the log was lost"),
    }
}

/// In short: the version, whether it is new, or that something was missed.
async fn story(model: &Model, begin: &Position) -> Vec<String> {
    let tell = |change: Change| match change {
        Change::Post { before, after: Sight::Nobody, .. } => format!("{before:?} removed"),
        Change::Post { before, json, .. } => {
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            format!("{before:?} {}", json["post"]["text"].as_str().unwrap())
        }
        _ => "missed".to_owned(),
    };
    told(model, begin).await.into_iter().map(tell).collect()
}

#[tokio::test]
async fn a_list_that_was_filled_ahead_of_the_log_leaves_streams_whole() {
    let (mut model, begin) = listened_to(limits(10)).await;
    for list in [List::Global, List::User(user(7))] {
        model.fill(list, &[shown(1, 7, 3, 0)], BOTTOM).await;
    }
    for version in 1..=4 {
        model.apply(&shown(1, 7, version, 0)).await;
    }
    model.apply(&hidden(1, 7, 5)).await;
    assert_eq!(
        story(&model, &begin).await,
        ["Nobody version 1", "Public version 2", "Public version 3", "Public version 4", "Public removed"]
    );
}

#[tokio::test]
async fn a_post_that_a_snapshot_does_not_show_any_more_was_still_seen_by_streams() {
    let (mut model, begin) = listened_to(limits(10)).await;
    model.fill(List::Circle(user(7)), &[whispered(1, 7, 2, 0)], BOTTOM).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    assert!(model.list(List::Global, 9).await.is_empty());
    model.apply(&whispered(1, 7, 2, 0)).await;
    assert_eq!(story(&model, &begin).await, ["Nobody version 1", "Public version 2"]);
}

#[tokio::test]
async fn what_is_sent_again_is_not_told_again_also_when_no_list_holds_the_post() {
    let (mut model, begin) = listened_to(limits(1)).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    model.apply(&shown(2, 7, 1, 5)).await;
    // the newer one has taken its place
    for version in [2, 3, 1, 2, 3] {
        model.apply(&shown(1, 7, version, 0)).await;
    }
    assert_eq!(
        story(&model, &begin).await,
        ["Nobody version 1", "Nobody version 1", "Public version 2", "Public version 3"]
    );
    let left = model.time_left(&format!("feed:post:{}", post_id(1))).await;
    assert!((1..=3_600_000).contains(&left), "{left}");
    assert_eq!(model.time_left(&format!("feed:post:{}", post_id(2))).await, -1, "as long as it is listed");
}

#[tokio::test]
async fn an_event_that_is_missing_or_late_makes_streams_begin_anew_and_is_not_told_out_of_order() {
    let (mut model, begin) = listened_to(limits(10)).await;
    for version in [1, 3, 2, 4] {
        model.apply(&shown(1, 7, version, 0)).await;
    }
    // of this one the first comes too late
    for version in [2, 1, 3] {
        model.apply(&shown(2, 7, version, 1)).await;
    }
    assert_eq!(
        story(&model, &begin).await,
        [
            "Nobody version 1",
            "missed",
            "Public version 3",
            "Public version 4",
            "Unknown version 2",
            "missed",
            "Public version 3"
        ]
    );
}

#[tokio::test]
async fn a_log_that_went_back_is_another_one() {
    let (mut model, begin) = listened_to(limits(10)).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    let After::Entries(entries) = change::after(&model.redis, Some(&begin), 9).await.unwrap() else {
        panic!("an entry")
    };
    let last = entries[0].position.clone();
    assert!(matches!(change::after(&model.redis, Some(&last), 9).await.unwrap(), After::Entries(_)));
    // as a copy from before it was written
    model.redis.send(redis::cmd("XDEL").arg(change::LOG).arg(last.id.to_string())).await.unwrap();
    model.apply(&shown(2, 7, 1, 0)).await;
    assert!(matches!(change::after(&model.redis, Some(&last), 9).await.unwrap(), After::Lost(_)));
    assert!(matches!(change::after(&model.redis, Some(&begin), 9).await.unwrap(), After::Entries(_)));
}

const LISTS: [(&str, i64); 5] = [("global", 0), ("user", 1), ("user", 2), ("circle", 1), ("circle", 2)];

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// The log tells of the next event of a post, or of the last one again.
    Tell(Index),
    /// It tells again of one that it has told of.
    Again(Index, Index),
    /// A list is filled with what posts have, which is ahead of the log.
    Fill(Index),
    /// All that nobody needs is forgotten.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<Index>().prop_map(Step::Tell),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(post, event)| Step::Again(post, event)),
        2 => any::<Index>().prop_map(Step::Fill),
        1 => Just(Step::Forget),
    ];
    prop::collection::vec(step, 0..60)
}

/// What streams must be told of a post: who saw it before and after each of its events.
fn must_be_told(post: &PostLife) -> Vec<(Sight, Sight)> {
    let sight = |seen: &Seen| match seen {
        Seen::Public => Sight::Public,
        Seen::Followers => Sight::Followers,
        Seen::Nobody => Sight::Nobody,
    };
    let after: Vec<_> = post.states.iter().map(sight).collect();
    let before = std::iter::once(Sight::Nobody).chain(after.iter().copied());
    before.zip(after.iter().copied()).filter(|pair| *pair != (Sight::Nobody, Sight::Nobody)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streams_are_told_every_event_once_and_in_order_whatever_snapshots_bring(world in world(), steps in steps()) {
        run(async {
            let posts = world.posts;
            let (mut model, begin) = listened_to(Limits { keep_global: 3, keep_user: 3, ..limits(2) }).await;
            let mut done = vec![0; posts.len()];
            for step in steps {
                match step {
                    Step::Tell(index) => {
                        let post = index.index(posts.len());
                        done[post] = (done[post] + 1).min(posts[post].states.len());
                        model.apply(&event(&posts[post], done[post])).await;
                    }
                    Step::Again(index, which) => {
                        let post = index.index(posts.len());
                        if done[post] > 0 {
                            model.apply(&event(&posts[post], 1 + which.index(done[post]))).await;
                        }
                    }
                    Step::Fill(index) => fill(&model, *index.get(&LISTS), &posts).await,
                    Step::Forget => {
                        let later = Timestamp::now().plus(Duration::from_secs(9));
                        upkeep::evict(&model.redis, later, Duration::ZERO, 99).await.unwrap();
                    }
                }
            }
            for (post, done) in posts.iter().zip(done) {
                for version in done + 1..=post.states.len() {
                    model.apply(&event(post, version)).await;
                }
            }
            let told = told(&model, &begin).await;
            for life in &posts {
                let of_post = told.iter().filter_map(|change| match change {
                    Change::Post { id, before, after, .. } if *id == post_id(life.number) => Some((*before, *after)),
                    Change::Post { .. } => None,
                    other => panic!("{other:?}"),
                });
                prop_assert_eq!(of_post.collect::<Vec<_>>(), must_be_told(life), "{:?}", life);
            }
            Ok(())
        })?;
    }
}

fn event(post: &PostLife, version: usize) -> tracklore_feed::event::Change {
    post.event(version.try_into().unwrap())
}

/// Fills a list, if it is short, with the last states of all posts that belong into it.
async fn fill(model: &Model, (kind, author): (&str, i64), posts: &[PostLife]) {
    let list = match kind {
        "global" => List::Global,
        "user" => List::User(user(author)),
        _ => List::Circle(user(author)),
    };
    let belongs = |post: &&PostLife| {
        let last = *post.states.last().unwrap();
        (list == List::Global || post.author == author)
            && (last == Seen::Public || (kind == "circle" && last == Seen::Followers))
    };
    let mut newest: Vec<_> = posts.iter().filter(belongs).collect();
    newest.sort_by_key(|post| Reverse((post.created, post.number)));
    let snapshot: Vec<_> = newest.into_iter().map(|post| event(post, post.states.len())).collect();
    let (short, floor) = model.writer.begin_fill(list).await.unwrap();
    if short {
        model.put(list, &floor, &snapshot, BOTTOM).await;
    }
}
