//! The law of filling: whatever a snapshot has seen of what the log still has to tell, and whatever happens between
//! taking it and putting it in, the lists end up as if they had been complete all the time.

use proptest::{prelude::*, sample::Index};
use tracklore_feed::{
    event::Change,
    fill::BOTTOM,
    lists::{Limits, List},
    upkeep,
};

use crate::{
    laws::{PostLife, Seen, run, world},
    model::{Model, START, ids, user},
};

const SHOW: usize = 2;
const KEEP: usize = 3;
/// Posts in a page of a snapshot.
const PAGE: usize = 2;

/// What may happen next.
#[derive(Clone, Debug)]
enum Step {
    /// A post changes in the database.
    Commit(Index),
    /// The log tells of the oldest change of a post that it hasn't told of.
    Tell(Index),
    /// Somebody begins to fill a list.
    Take(Index),
    /// And puts it in.
    Put,
    /// All that nobody needs is forgotten.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<Index>().prop_map(Step::Commit),
        4 => any::<Index>().prop_map(Step::Tell),
        2 => any::<Index>().prop_map(Step::Take),
        2 => Just(Step::Put),
        1 => Just(Step::Forget),
    ];
    prop::collection::vec(step, 0..40)
}

/// A database that the log follows.
struct Database {
    posts: Vec<PostLife>,
    committed: Vec<usize>,
    told: Vec<usize>,
}

impl Database {
    fn new(posts: Vec<PostLife>) -> Self {
        let count = posts.len();
        Self { posts, committed: vec![0; count], told: vec![0; count] }
    }

    /// The posts that belong into a list, newest first: sort key and event of the present state.
    fn newest(&self, list: List) -> Vec<(i64, Change)> {
        let mut posts = Vec::new();
        for (post, version) in self.posts.iter().zip(&self.committed) {
            let Some(state) = version.checked_sub(1).map(|last| post.states[last]) else { continue };
            let belongs = match list {
                List::Global => state == Seen::Public,
                List::User(id) => state == Seen::Public && id == user(post.author),
                List::Circle(id) => state != Seen::Nobody && id == user(post.author),
            };
            if belongs {
                posts.push((post, *version));
            }
        }
        posts.sort_by_key(|(post, _)| std::cmp::Reverse((post.created, post.number)));
        let event = |(post, version): (&PostLife, usize)| {
            (START + post.created, post.event(version.try_into().unwrap()))
        };
        posts.into_iter().map(event).collect()
    }

    /// The first page, and down to where it is complete.
    fn page(&self, list: List) -> (Vec<Change>, i64) {
        let mut posts = self.newest(list);
        let more = posts.len() > PAGE;
        posts.truncate(PAGE);
        let bottom = posts.last().filter(|_| more).map_or(BOTTOM, |(created, _)| *created);
        (posts.into_iter().map(|(_, event)| event).collect(), bottom)
    }

    async fn tell(&mut self, model: &mut Model, index: usize) {
        if self.told[index] < self.committed[index] {
            self.told[index] += 1;
            let event = self.posts[index].event(self.told[index].try_into().unwrap());
            model.apply(&event).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshots_and_the_log_together_lose_double_and_reorder_nothing(world in world(), steps in steps()) {
        run(async {
            let limits = Limits { show_global: SHOW, show_user: SHOW, keep_global: KEEP, keep_user: KEEP };
            let mut model = Model::unknown(limits).await;
            let lists = [
                List::Global, List::User(user(1)), List::User(user(2)), List::Circle(user(1)), List::Circle(user(2)),
            ];
            let mut database = Database::new(world.posts.clone());
            let count = database.posts.len();
            let mut taken = Vec::new();
            for step in steps {
                match step {
                    Step::Commit(index) => {
                        let index = index.index(count);
                        let last = database.posts[index].states.len();
                        database.committed[index] = (database.committed[index] + 1).min(last);
                    }
                    Step::Tell(index) => database.tell(&mut model, index.index(count)).await,
                    Step::Take(index) => {
                        let list = *index.get(&lists);
                        let (short, floor) = model.writer.begin_fill(list).await.unwrap();
                        if short {
                            taken.push((list, floor, database.page(list)));
                        }
                    }
                    Step::Put => {
                        if let Some((list, floor, (posts, bottom))) = taken.pop() {
                            model.put(list, &floor, &posts, bottom).await;
                        }
                    }
                    Step::Forget => {
                        let later = tracklore_platform::time::Timestamp::now().plus(std::time::Duration::from_secs(9));
                        upkeep::evict(&model.redis, later, std::time::Duration::ZERO, 99).await.unwrap();
                    }
                }
            }
            for index in 0..count {
                database.committed[index] = database.posts[index].states.len();
                while database.told[index] < database.committed[index] {
                    database.tell(&mut model, index).await;
                }
            }
            for list in lists {
                let newest = database.newest(list);
                let (short, floor) = model.writer.begin_fill(list).await.unwrap();
                if short {
                    let all: Vec<_> = newest.iter().map(|(_, event)| event.clone()).collect();
                    prop_assert_eq!(model.put(list, &floor, &all, BOTTOM).await, "filled");
                }
                let expected: Vec<_> = newest
                    .iter()
                    .take(SHOW)
                    .map(|(_, event)| crate::model::post_of(event).id)
                    .collect();
                prop_assert_eq!(ids(&model.list(list, SHOW).await), expected, "{:?}", list);
            }
            Ok(())
        })?;
    }
}
