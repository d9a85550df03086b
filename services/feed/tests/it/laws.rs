//! The law of the read model: however the events of different keys come between one another, and however often older
//! ones come again, the lists are the same, and they are a function of the last state of everything.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use tracklore_feed::{event::Change, lists};

use crate::model::{Model, displayed, gone, hidden, ids, named, post_id, shown, user};

const AUTHORS: i64 = 2;

/// The states of one post: made, then changed; `false` is hidden.
#[derive(Clone, Debug)]
struct PostLife {
    number: u128,
    author: i64,
    created: i64,
    shown: Vec<bool>,
}

#[derive(Clone, Debug)]
struct World {
    posts: Vec<PostLife>,
    /// How often each author is renamed, and whether deleted in the end.
    authors: Vec<(i64, bool)>,
}

fn world() -> impl Strategy<Value = World> {
    // few milliseconds, so that many posts share one
    let post = (1..=AUTHORS, 0_i64..3, prop::collection::vec(prop::bool::weighted(0.7), 1..4));
    let posts = prop::collection::vec(post, 1..8).prop_map(|posts| {
        let lives = posts.into_iter().zip(1_u128..);
        lives.map(|((author, created, shown), number)| PostLife { number, author, created, shown }).collect()
    });
    let authors = prop::collection::vec((1_i64..3, prop::bool::weighted(0.2)), 2);
    (posts, authors).prop_map(|(posts, authors)| World { posts, authors })
}

impl World {
    /// The events of each key, in order.
    fn streams(&self) -> Vec<Vec<Change>> {
        let posts = self.posts.iter().map(|post| {
            let states = post.shown.iter().zip(1_i64..);
            let change = |(is_shown, sequence): (&bool, i64)| {
                if *is_shown {
                    shown(post.number, post.author, sequence, post.created)
                } else {
                    hidden(post.number, post.author, sequence)
                }
            };
            states.map(change).collect()
        });
        let authors = self.authors.iter().zip(1_i64..);
        let users = authors.clone().map(|((names, deleted), id)| {
            let mut events: Vec<_> =
                (1..=*names).map(|sequence| named(id, sequence, &format!("name{sequence}"))).collect();
            events.extend(deleted.then(|| gone(id, names + 1)));
            events
        });
        let profiles =
            authors.map(|(_, id)| (1..=2).map(|n| displayed(id, n, &format!("Name {n}"))).collect());
        posts.chain(users).chain(profiles).collect()
    }

    /// The posts that are to be seen, newest first, with version and author.
    fn visible(&self) -> Vec<(&PostLife, usize)> {
        let last = |post: &PostLife| post.shown.last() == Some(&true);
        let alive =
            |post: &PostLife| self.authors.iter().zip(1..).all(|((_, gone), id)| id != post.author || !gone);
        let mut posts: Vec<_> = self.posts.iter().filter(|post| last(post) && alive(post)).collect();
        posts.sort_by_key(|post| std::cmp::Reverse((post.created, post.number)));
        posts.into_iter().map(|post| (post, post.shown.len())).collect()
    }
}

/// Applies all streams, each in order, mixed as `choices` say; now and then something old comes again.
async fn play(model: &mut Model, streams: &[Vec<Change>], choices: &[(Index, Option<Index>)]) {
    let mut done = vec![0; streams.len()];
    let mut seen: Vec<&Change> = Vec::new();
    let mut choices = choices.iter().cycle();
    loop {
        let open: Vec<usize> =
            (0..streams.len()).filter(|stream| done[*stream] < streams[*stream].len()).collect();
        if open.is_empty() {
            return;
        }
        let (next, again) = choices.next().unwrap();
        let stream = *next.get(&open);
        let change = &streams[stream][done[stream]];
        model.apply(change).await;
        done[stream] += 1;
        seen.push(change);
        if let Some(again) = again {
            let old: &Change = again.get::<&Change>(&seen);
            model.apply(old).await;
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<(Index, Option<Index>)>> {
    prop::collection::vec((any::<Index>(), prop::option::weighted(0.3, any::<Index>())), 40)
}

fn run(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_between_keys_and_any_repetition_give_the_lists_of_the_last_states(world in world(), choices in choices()) {
        run(async {
            let mut model = Model::new(100, 100).await;
            play(&mut model, &world.streams(), &choices).await;
            let visible = world.visible();
            let list = model.list(lists::GLOBAL, 100).await;
            let expected: Vec<_> = visible.iter().map(|(post, _)| post_id(post.number)).collect();
            prop_assert_eq!(ids(&list), expected);
            for (item, (post, version)) in list.iter().zip(&visible) {
                let names = world.authors[usize::try_from(post.author - 1).unwrap()].0;
                prop_assert_eq!(item["post"]["text"].as_str().unwrap(), format!("version {version}"));
                prop_assert_eq!(item["actor"]["username"].as_str().unwrap(), format!("name{names}"));
                prop_assert_eq!(item["actor"]["display_name"].as_str().unwrap(), "Name 2");
            }
            for author in 1..=AUTHORS {
                let own: Vec<_> =
                    visible.iter().filter(|(post, _)| post.author == author).map(|(post, _)| post_id(post.number)).collect();
                prop_assert_eq!(ids(&model.list(&lists::user(user(author)), 100).await), own);
            }
            Ok(())
        })?;
    }

    #[test]
    fn with_short_lists_what_is_shown_is_still_the_newest_without_a_hole(world in world(), choices in choices()) {
        run(async {
            // as many more are kept than shown as can go
            let hidden = world.posts.iter().filter(|post| post.shown.contains(&false)).count();
            let deleted = world.posts.iter().filter(|post| world.authors[usize::try_from(post.author - 1).unwrap()].1).count();
            let show = 2;
            let mut model = Model::new(show + hidden + deleted, 100).await;
            play(&mut model, &world.streams(), &choices).await;
            let expected: Vec<_> = world.visible().iter().take(show).map(|(post, _)| post_id(post.number)).collect();
            prop_assert_eq!(ids(&model.list(lists::GLOBAL, show).await), expected);
            Ok(())
        })?;
    }

    #[test]
    fn a_body_is_kept_exactly_as_long_as_a_list_shows_it(world in world(), choices in choices()) {
        run(async {
            let mut model = Model::new(3, 2).await;
            play(&mut model, &world.streams(), &choices).await;
            let mut listed: BTreeSet<String> = BTreeSet::new();
            for key in [lists::GLOBAL.to_owned(), lists::user(user(1)), lists::user(user(2))] {
                listed.extend(ids(&model.list(&key, 100).await).into_iter().map(lists::post));
            }
            let mut kept = Vec::new();
            for key in model.keys("feed:post:*").await {
                let answer = model.redis.send(redis::cmd("HEXISTS").arg(&key).arg("body")).await.unwrap();
                if answer == redis::Value::Int(1) {
                    kept.push(key);
                }
            }
            kept.sort();
            prop_assert_eq!(kept, listed.into_iter().collect::<Vec<_>>());
            Ok(())
        })?;
    }
}
