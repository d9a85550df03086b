//! The functions inside Redis, one rule a test.

use std::time::Duration;

use serde_json::json;
use tracklore_feed::{
    apply::{Author, Outcome, ReadModel},
    event::Change,
    home, library,
    lists::{Limits, List},
    live::{
        change::{self, After},
        ticket,
    },
    page::{self, FIRST},
    redis::Redis,
    upkeep,
};
use tracklore_platform::token::User;

use crate::model::{Model, at, gone, hidden, ids, named, post_id, record, redis_url, shown, user, whispered};

fn post_key(number: u128) -> String {
    format!("feed:post:{}", post_id(number))
}

fn listener() -> User {
    User { id: user(7), session_id: post_id(1), scope: String::new(), auth_time: 0, expires_at: 9 }
}

#[tokio::test]
async fn an_activity_is_the_post_as_published_with_its_actor_and_time() {
    let mut model = Model::new(10, 10).await;
    model.apply(&shown(1, 7, 1, 5)).await;
    let activity = json!({
        "id": post_id(1), "type": "post",
        "actor": {"id": 7, "username": "someone", "display_name": "Some One", "avatar_url": null},
        "post": {"id": post_id(1), "author_id": 7, "text": "version 1"},
        "occurred_at": "2025-11-20T09:10:00.005Z"
    });
    assert_eq!(model.list(List::Global, 10).await, std::slice::from_ref(&activity));
    assert_eq!(model.list(List::User(user(7)), 10).await, [activity]);
    assert!(model.list(List::User(user(8)), 10).await.is_empty());
}

#[tokio::test]
async fn nothing_is_shown_of_a_post_whose_author_nobody_could_name_yet() {
    let model = Model::new(10, 10).await;
    let (first, change) = (record(0), shown(1, 7, 1, 0));
    let step = model.offsets.step(&first, model.expected.before(&first));
    assert_eq!(model.writer.apply(&step, &change, Author::NotAsked).await.unwrap(), Outcome::AskForActor);
    assert!(model.keys("feed:post:*").await.is_empty());
    assert_eq!(model.writer.apply(&step, &change, Author::Nobody).await.unwrap(), Outcome::Settled);
    assert!(model.list(List::Global, 10).await.is_empty());
}

#[tokio::test]
async fn a_lost_answer_does_not_apply_twice_and_another_position_is_a_gap() {
    let model = Model::new(10, 10).await;
    let apply = async |offset, expected: &str| {
        let step = model.offsets.step(&record(offset), expected.to_owned());
        model.writer.apply(&step, &Change::Nothing, Author::NotAsked).await.unwrap()
    };
    assert_eq!(apply(0, "").await, Outcome::Settled);
    assert_eq!(apply(0, "").await, Outcome::Settled);
    // compaction leaves holes: the next record is what the consumer read next, not the next number
    assert_eq!(apply(5, "1").await, Outcome::Settled);
    assert_eq!(apply(7, "1").await, Outcome::Gap);
    assert_eq!(apply(7, "unknown").await, Outcome::Gap);
    assert_eq!(model.offsets.stored("t").await.unwrap(), [(0, 6)].into());
}

#[tokio::test]
async fn of_records_that_wait_those_before_one_that_needs_a_look_are_applied_with_their_offset() {
    let mut model = Model::new(10, 10).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    let expected = |offset: i64| offset.to_string();
    let changes = [shown(2, 7, 1, 5), hidden(1, 7, 2), shown(3, 8, 1, 9), shown(4, 7, 1, 12)];
    let steps = [1, 2, 3, 4].map(|offset| model.offsets.step(&record(offset), expected(offset)));
    let batch: Vec<_> = steps.iter().zip(&changes).collect();
    let apply = async |from: usize| model.writer.apply_all(&batch[from..], Author::NotAsked).await.unwrap();
    assert_eq!(apply(0).await, (2, Outcome::AskForActor), "nobody knows 8");
    assert_eq!(ids(&model.list(List::Global, 10).await), [post_id(2)]);
    assert_eq!(model.offsets.stored("t").await.unwrap(), [(0, 3)].into());
    // the answer got lost: all come again, from elsewhere than Redis stands
    assert_eq!(apply(0).await, (0, Outcome::Gap));
    // one of them again, and the next
    assert_eq!(apply(1).await, (1, Outcome::Settled));
    assert_eq!(apply(2).await, (0, Outcome::AskForActor));
}

#[tokio::test]
async fn offsets_of_another_kafka_are_ignored_and_replaced() {
    let mut model = Model::new(10, 10).await;
    model.apply(&Change::Nothing).await;
    let other = tracklore_feed::positions::Offsets::new(
        model.redis.clone(),
        "cluster-2".to_owned(),
        FIRST.to_owned(),
    );
    assert!(other.stored("t").await.unwrap().is_empty());
    let step = other.step(&record(40), String::new());
    assert_eq!(
        model.writer.apply(&step, &Change::Nothing, Author::NotAsked).await.unwrap(),
        Outcome::Settled
    );
    assert_eq!(other.stored("t").await.unwrap(), [(0, 41)].into());
    assert!(model.offsets.stored("t").await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_keep_only_so_many_forget_the_rest_and_never_have_a_hole() {
    let mut model = Model::new(3, 2).await;
    for number in 1..=5 {
        model.apply(&shown(number, 7, 1, number.try_into().unwrap())).await;
    }
    assert_eq!(ids(&model.list(List::Global, 9).await), [5, 4, 3].map(post_id));
    assert_eq!(ids(&model.list(List::User(user(7)), 9).await), [5, 4].map(post_id));
    assert_eq!(model.bodies().await.len(), 3);
    // one goes, and an update of a dropped one doesn't take its place: 2 is missing between
    model.apply(&hidden(4, 7, 2)).await;
    model.apply(&shown(1, 7, 2, 1)).await;
    assert_eq!(ids(&model.list(List::Global, 9).await), [5, 3].map(post_id));
    assert!(!model.bodies().await.contains(&post_key(1)));
}

#[tokio::test]
async fn when_a_shown_post_goes_the_next_older_one_comes_back() {
    let mut model = Model::new(10, 10).await;
    for number in 1..=5 {
        model.apply(&shown(number, 7, 1, number.try_into().unwrap())).await;
    }
    assert_eq!(ids(&model.list(List::Global, 3).await), [5, 4, 3].map(post_id));
    model.apply(&hidden(4, 7, 2)).await;
    assert_eq!(ids(&model.list(List::Global, 3).await), [5, 3, 2].map(post_id));
}

#[tokio::test]
async fn a_deleted_user_goes_with_all_posts_also_those_only_the_global_list_has() {
    let mut model = Model::new(10, 2).await;
    for number in 1..=4 {
        model.apply(&shown(number, 7, 1, number.try_into().unwrap())).await;
    }
    model.apply(&shown(9, 8, 1, 0)).await;
    model.apply(&gone(7, 2)).await;
    model.apply(&shown(5, 7, 1, 9)).await;
    model.apply(&shown(4, 7, 2, 4)).await;
    assert_eq!(ids(&model.list(List::Global, 9).await), [post_id(9)]);
    assert!(model.list(List::User(user(7)), 9).await.is_empty());
}

#[tokio::test]
async fn what_is_remembered_of_deleted_things_is_forgotten_in_time() {
    let mut model = Model::new(10, 10).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    model.apply(&hidden(1, 7, 2)).await;
    model.apply(&gone(7, 2)).await;
    for key in [post_key(1), "feed:actor:7".to_owned()] {
        let left = model.time_left(&key).await;
        assert!(left > 7 * 24 * 3_600_000, "{key}: {left}");
    }
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_others_write() {
    let mut model = Model::new(100, 100).await;
    // many at the same millisecond: the id decides
    for number in 1..=20 {
        model.apply(&shown(number, 7, 1, i64::from(number > 10))).await;
    }
    let all = ids(&model.pages(List::Global, 100, 7).await);
    assert_eq!(all, (1..=20).rev().map(post_id).collect::<Vec<_>>());

    let first = page::read(&model.redis, List::Global, 100, 8, None, at(0)).await.unwrap();
    model.apply(&shown(30, 7, 1, 2)).await; // new on top
    model.apply(&hidden(13, 7, 2)).await; // the cursor's own post goes
    model.apply(&hidden(12, 7, 2)).await; // and the one after it
    let second = page::read(&model.redis, List::Global, 100, 3, first.next, at(0)).await.unwrap();
    let second: Vec<serde_json::Value> =
        serde_json::from_slice(&[b"[", second.items.as_slice(), b"]"].concat()).unwrap();
    assert_eq!(ids(&second), [11, 10, 9].map(post_id));
}

#[tokio::test]
async fn expired_posts_are_not_shown_and_do_not_shorten_a_page() {
    let mut model = Model::new(100, 100).await;
    for number in 1..=10 {
        let mut change = shown(number, 7, 1, number.try_into().unwrap());
        if let Change::Post(post) = &mut change
            && number >= 5
        {
            post.shown.as_mut().unwrap().expires_at = Some(at(-1));
        }
        model.apply(&change).await;
    }
    assert_eq!(ids(&model.pages(List::Global, 100, 2).await), [4, 3, 2, 1].map(post_id));
}

#[tokio::test]
async fn a_new_name_shows_on_old_posts() {
    let mut model = Model::new(10, 10).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    model.apply(&named(7, 2, "ada")).await;
    model.apply(&named(7, 1, "old")).await;
    assert_eq!(model.list(List::Global, 9).await[0]["actor"]["username"], "ada");
}

#[tokio::test]
async fn a_lost_library_is_loaded_again_by_the_call_that_misses_it() {
    let mut model = Model::new(10, 10).await;
    model.apply(&shown(1, 7, 1, 0)).await;
    // other tests run beside this one and load it again, too
    model.redis.send(redis::cmd("FUNCTION").arg("FLUSH")).await.unwrap();
    model.apply(&shown(2, 7, 1, 1)).await;
    assert_eq!(model.list(List::Global, 9).await.len(), 2);
}

#[tokio::test]
async fn a_user_of_redis_who_may_only_touch_feed_keys_can_run_everything() {
    let mut model = Model::new(2, 1).await;
    let rules =
        "on >secret ~feed:* resetchannels -@all +@read +@write +@connection +@scripting -@dangerous -@admin";
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("feed-it").arg(rules.split(' ').collect::<Vec<_>>());
    model.redis.send(&command).await.unwrap();
    let limited = Redis::new(&redis_url("feed-it:secret@", model.database)).unwrap();
    library::load(&limited).await.unwrap();
    let limits = Limits { show_global: 2, show_user: 1, keep_global: 2, keep_user: 1 };
    model.writer = ReadModel::new(limited.clone(), FIRST.to_owned(), limits);
    assert!(limited.send(redis::cmd("GET").arg("other")).await.is_err());
    for number in 1..=4 {
        model.apply(&shown(number, 7, 1, number.try_into().unwrap())).await;
    }
    model.apply(&hidden(4, 7, 2)).await;
    model.apply(&gone(7, 2)).await;
    let rows = page::read(&limited, List::Global, 9, 9, None, at(0)).await.unwrap();
    assert!(rows.items.is_empty());
    home::read(&limited, user(8), 9, None, at(0)).await.unwrap();
    upkeep::evict(&limited, at(0), Duration::ZERO, 9).await.unwrap();
    let changes = change::after(&limited, None, 9).await.unwrap();
    assert!(matches!(changes, After::Lost(_)));
    let ticket = ticket::issue(&limited, listener()).await.unwrap();
    assert!(ticket::redeem(&limited, &ticket).await.unwrap().is_some());
    assert!(ticket::redeem(&limited, &ticket).await.unwrap().is_none());
}

#[tokio::test]
async fn a_post_for_followers_is_in_the_circle_alone_and_moves_when_its_visibility_does() {
    let mut model = Model::new(10, 10).await;
    let lists = [List::Global, List::User(user(7)), List::Circle(user(7))];
    for (change, seen) in [
        (whispered(1, 7, 1, 0), [0, 0, 1]),
        (shown(1, 7, 2, 0), [1, 1, 1]),
        (whispered(1, 7, 3, 0), [0, 0, 1]),
        (hidden(1, 7, 4), [0, 0, 0]),
    ] {
        model.apply(&change).await;
        for (list, count) in lists.into_iter().zip(seen) {
            assert_eq!(model.list(list, 10).await.len(), count, "{list:?} {change:?}");
        }
    }
}

#[tokio::test]
async fn a_topic_made_anew_is_noticed_by_the_record_before_the_offset() {
    let model = Model::new(10, 10).await;
    let apply = async |offset, expected: &str, id: &str| {
        let mut record = record(offset);
        record.headers.push(("ce_id".to_owned(), id.as_bytes().to_vec()));
        let step = model.offsets.step(&record, expected.to_owned());
        model.writer.apply(&step, &Change::Nothing, Author::NotAsked).await.unwrap()
    };
    assert_eq!(apply(0, "", "a").await, Outcome::Settled);
    assert_eq!(apply(0, "1", "a").await, Outcome::Settled);
    assert_eq!(apply(0, "1", "b").await, Outcome::OtherTopic);
    model.offsets.restart("t").await.unwrap();
    assert!(model.offsets.stored("t").await.unwrap().is_empty());
}

#[tokio::test]
async fn idle_lists_are_forgotten_unless_a_reader_needs_them() {
    let mut model = Model::new(10, 10).await;
    for author in [7, 8] {
        model.apply(&whispered(author.try_into().unwrap(), author, 1, 0)).await;
    }
    model.apply(&crate::model::following(1, 8, 1, true)).await;
    assert_eq!(model.home(1, 10).await.len(), 1);
    let later = tracklore_platform::time::Timestamp::now().plus(Duration::from_secs(9));
    upkeep::evict(&model.redis, later, Duration::from_secs(1), 100).await.unwrap();
    assert!(model.list(List::Circle(user(7)), 10).await.is_empty());
    assert_eq!(model.bodies().await, [post_key(8)]);
    assert_eq!(model.home(1, 10).await.len(), 1);
    // and it is known that they are forgotten
    assert!(model.writer.begin_fill(List::Circle(user(7))).await.unwrap().0);
}
