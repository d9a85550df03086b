//! The law of the read model: however the events of different keys come between one another, and however often older
//! ones come again, the lists are the same, and they are a function of the last state of everything.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use tracklore_feed::{event::Change, lists::List};

use crate::model::{Model, displayed, following, gone, hidden, ids, named, post_id, shown, user, whispered};

const AUTHORS: i64 = 2;
const READERS: [i64; 2] = [11, 12];

/// The states of one post: made, then changed.
#[derive(Clone, Debug)]
pub struct PostLife {
    pub number: u128,
    pub author: i64,
    pub created: i64,
    pub states: Vec<Seen>,
}

/// By whom a post is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Public,
    Followers,
    Nobody,
}

#[derive(Clone, Debug)]
pub struct World {
    pub posts: Vec<PostLife>,
    /// How often each author is renamed, and whether deleted in the end.
    authors: Vec<(i64, bool)>,
    /// How often each reader follows and unfollows each author by turns.
    follows: Vec<(i64, i64, i64)>,
}

pub fn world() -> impl Strategy<Value = World> {
    let seen = prop_oneof![4 => Just(Seen::Public), 2 => Just(Seen::Followers), 2 => Just(Seen::Nobody)];
    // few milliseconds, so that many posts share one
    let post = (1..=AUTHORS, 0_i64..3, prop::collection::vec(seen, 1..4));
    let posts = prop::collection::vec(post, 1..8).prop_map(|posts| {
        let lives = posts.into_iter().zip(1_u128..);
        lives
            .map(|((author, created, states), number)| PostLife { number, author, created, states })
            .collect()
    });
    let authors = prop::collection::vec((1_i64..3, prop::bool::weighted(0.2)), 2);
    let pairs = prop::collection::vec(0_i64..4, 4).prop_map(|turns| {
        let pairs = READERS.into_iter().flat_map(|reader| [(reader, 1), (reader, 2)]);
        pairs.zip(turns).map(|((reader, author), turns)| (reader, author, turns)).collect()
    });
    (posts, authors, pairs).prop_map(|(posts, authors, follows)| World { posts, authors, follows })
}

impl PostLife {
    /// The event of its state with this sequence.
    pub fn event(&self, sequence: i64) -> Change {
        match self.states[usize::try_from(sequence - 1).unwrap()] {
            Seen::Public => shown(self.number, self.author, sequence, self.created),
            Seen::Followers => whispered(self.number, self.author, sequence, self.created),
            Seen::Nobody => hidden(self.number, self.author, sequence),
        }
    }

    fn last(&self) -> Seen {
        *self.states.last().unwrap()
    }
}

impl World {
    /// The events of each key, in order.
    fn streams(&self) -> Vec<Vec<Change>> {
        let posts = self
            .posts
            .iter()
            .map(|post| (1..=i64::try_from(post.states.len()).unwrap()).map(|n| post.event(n)).collect());
        let authors = self.authors.iter().zip(1_i64..);
        let users = authors.clone().map(|((names, deleted), id)| {
            let mut events: Vec<_> =
                (1..=*names).map(|sequence| named(id, sequence, &format!("name{sequence}"))).collect();
            events.extend(deleted.then(|| gone(id, names + 1)));
            events
        });
        let profiles =
            authors.map(|(_, id)| (1..=2).map(|n| displayed(id, n, &format!("Name {n}"))).collect());
        let follows = self.follows.iter().map(|(reader, author, turns)| {
            (1..=*turns).map(|turn| following(*reader, *author, turn, turn % 2 == 1)).collect()
        });
        posts.chain(users).chain(profiles).chain(follows).collect()
    }

    /// The posts that pass, of authors who aren't deleted, newest first.
    pub fn posts(&self, pass: impl Fn(&PostLife) -> bool) -> Vec<&PostLife> {
        let alive =
            |post: &PostLife| self.authors.iter().zip(1..).all(|((_, gone), id)| id != post.author || !gone);
        let mut posts: Vec<_> = self.posts.iter().filter(|post| pass(post) && alive(post)).collect();
        posts.sort_by_key(|post| std::cmp::Reverse((post.created, post.number)));
        posts
    }

    /// The posts that everybody is to see, newest first.
    pub fn visible(&self) -> Vec<&PostLife> {
        self.posts(|post| post.last() == Seen::Public)
    }

    /// The posts that are to be in the home feed of a reader, newest first.
    fn home(&self, reader: i64) -> Vec<uuid::Uuid> {
        let follows =
            |author| self.follows.iter().any(|(r, a, turns)| (*r, *a) == (reader, author) && turns % 2 == 1);
        let posts = self.posts(|post| post.last() != Seen::Nobody && follows(post.author));
        posts.into_iter().map(|post| post_id(post.number)).collect()
    }
}

/// Applies all streams, each in order, mixed as `choices` say; now and then something old comes again, and what waited until
/// then is applied at once.
async fn play(model: &mut Model, streams: &[Vec<Change>], choices: &[(Index, Option<Index>)]) {
    let mut done = vec![0; streams.len()];
    let mut seen: Vec<&Change> = Vec::new();
    let mut choices = choices.iter().cycle();
    let mut waiting = Vec::new();
    loop {
        let open: Vec<usize> =
            (0..streams.len()).filter(|stream| done[*stream] < streams[*stream].len()).collect();
        if open.is_empty() {
            return model.apply_all(&waiting).await;
        }
        let (next, again) = choices.next().unwrap();
        let stream = *next.get(&open);
        let change = &streams[stream][done[stream]];
        waiting.push(change);
        done[stream] += 1;
        seen.push(change);
        if let Some(again) = again {
            waiting.push(again.get::<&Change>(&seen));
            model.apply_all(&std::mem::take(&mut waiting)).await;
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<(Index, Option<Index>)>> {
    prop::collection::vec((any::<Index>(), prop::option::weighted(0.3, any::<Index>())), 40)
}

pub fn run(test: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
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
            let list = model.list(List::Global, 100).await;
            let expected: Vec<_> = visible.iter().map(|post| post_id(post.number)).collect();
            prop_assert_eq!(ids(&list), expected);
            for (item, post) in list.iter().zip(&visible) {
                let version = post.states.len();
                let names = world.authors[usize::try_from(post.author - 1).unwrap()].0;
                prop_assert_eq!(item["post"]["text"].as_str().unwrap(), format!("version {version}"));
                prop_assert_eq!(item["actor"]["username"].as_str().unwrap(), format!("name{names}"));
                prop_assert_eq!(item["actor"]["display_name"].as_str().unwrap(), "Name 2");
            }
            for author in 1..=AUTHORS {
                let own: Vec<_> =
                    visible.iter().filter(|post| post.author == author).map(|post| post_id(post.number)).collect();
                prop_assert_eq!(ids(&model.list(List::User(user(author)), 100).await), own);
            }
            Ok(())
        })?;
    }

    #[test]
    fn with_short_lists_what_is_shown_is_still_the_newest_without_a_hole(world in world(), choices in choices()) {
        run(async {
            // as many more are kept than shown as can go
            let hidden = world.posts.iter().filter(|post| post.states.iter().any(|seen| *seen != Seen::Public)).count();
            let deleted = world.posts.iter().filter(|post| world.authors[usize::try_from(post.author - 1).unwrap()].1).count();
            let show = 2;
            let mut model = Model::new(show + hidden + deleted, 100).await;
            play(&mut model, &world.streams(), &choices).await;
            let expected: Vec<_> = world.visible().iter().take(show).map(|post| post_id(post.number)).collect();
            prop_assert_eq!(ids(&model.list(List::Global, show).await), expected);
            Ok(())
        })?;
    }

    #[test]
    fn a_body_is_kept_exactly_as_long_as_a_list_shows_it(world in world(), choices in choices()) {
        run(async {
            let mut model = Model::new(3, 2).await;
            play(&mut model, &world.streams(), &choices).await;
            let mut listed: BTreeSet<String> = BTreeSet::new();
            for list in Model::lists() {
                let ids = ids(&model.list(list, 100).await);
                listed.extend(ids.into_iter().map(|id| format!("feed:post:{id}")));
            }
            prop_assert_eq!(model.bodies().await, listed.into_iter().collect::<Vec<_>>());
            Ok(())
        })?;
    }

    #[test]
    fn a_home_feed_is_what_the_followed_let_followers_see_whenever_it_is_opened(
        world in world(), choices in choices(), opened in any::<bool>(), limit in 1_usize..5,
    ) {
        run(async {
            let mut model = Model::new(100, 100).await;
            if opened {
                model.home(READERS[0], 9).await;
            }
            let streams = world.streams();
            let half: Vec<Vec<Change>> = streams.iter().map(|all| all[..all.len() / 2].to_vec()).collect();
            play(&mut model, &half, &choices).await;
            model.home(READERS[1], 9).await;
            play(&mut model, &streams, &choices).await;
            for reader in READERS {
                prop_assert_eq!(ids(&model.home(reader, limit).await), world.home(reader));
            }
            Ok(())
        })?;
    }
}
