//! Who waits for a hash, and who is next. Lines are per network and served in turn, so a flood from one place makes
//! only its own line longer. And a line may grow only while it is shorter than the room that is left: one flood takes
//! half of the room at most, two take a third each, and somebody who comes from elsewhere still finds a place.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A bounded queue that is fair among keys. Who comes takes a place first, and fills it with what shall be done once that
/// is known.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    room: usize,
    taken: usize,
    lines: HashMap<K, Line<T>>,
    /// The keys that have something to do, the next one first.
    turns: VecDeque<K>,
}

#[derive(Debug)]
struct Line<T> {
    /// Places, with what fills them.
    places: usize,
    ready: VecDeque<T>,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// A queue for `room` at most.
    pub fn new(room: usize) -> Self {
        Self { room, taken: 0, lines: HashMap::new(), turns: VecDeque::new() }
    }

    /// Takes a place in the line of `key`, if it may grow.
    pub fn take_place(&mut self, key: &K) -> bool {
        let ahead = self.lines.get(key).map_or(0, |line| line.places);
        if ahead >= self.room - self.taken {
            return false;
        }
        let new = || Line { places: 0, ready: VecDeque::new() };
        self.lines.entry(key.clone()).or_insert_with(new).places += 1;
        self.taken += 1;
        true
    }

    /// Gives back a place that was taken and not filled.
    pub fn leave(&mut self, key: &K) {
        let Some(line) = self.lines.get_mut(key) else { return };
        line.places -= 1;
        self.taken -= 1;
        if line.places == 0 {
            self.lines.remove(key);
        }
    }

    /// Fills a place that was taken: `item` is the last of its line that is ready.
    pub fn fill(&mut self, key: &K, item: T) {
        let Some(line) = self.lines.get_mut(key) else { return };
        if line.ready.is_empty() {
            self.turns.push_back(key.clone());
        }
        line.ready.push_back(item);
    }

    /// The first of the next line, whose place is free again.
    pub fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let line = self.lines.get_mut(&key)?;
        let item = line.ready.pop_front()?;
        if !line.ready.is_empty() {
            self.turns.push_back(key.clone());
        }
        self.leave(&key);
        Some(item)
    }

    /// How many places are taken.
    pub fn len(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_served_in_turn() {
        let mut queue = FairQueue::new(100);
        for item in ["a1", "a2", "a3", "b1", "c1", "b2"] {
            let key = &item.as_bytes()[0];
            assert!(queue.take_place(key));
            queue.fill(key, item);
        }
        let served: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(served, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_flood_takes_half_of_the_room_and_others_find_a_place() {
        let mut queue = FairQueue::<_, ()>::new(64);
        let flood = (0..1000).filter(|_| queue.take_place(&"flood")).count();
        assert_eq!(flood, 32);
        assert!(queue.take_place(&"somebody"));
        let second = (0..1000).filter(|_| queue.take_place(&"second flood")).count();
        assert!((15..=16).contains(&second), "{second}");
        assert!(queue.take_place(&"somebody else"));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(u8),
        Leave(u8),
        Fill(u8),
        Pop,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u8..5).prop_map(Step::Take),
            1 => (0_u8..5).prop_map(Step::Leave),
            4 => (0_u8..5).prop_map(Step::Fill),
            2 => Just(Step::Pop),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        /// Whatever comes and goes: never more than the room, nobody lost, each line in order, somebody new always
        /// admitted while there is room, and nobody served twice while another line is ready all the time.
        #[test]
        fn nobody_is_lost_and_nobody_passed_over(steps in steps(), room in 1_usize..40) {
            let mut queue = FairQueue::new(room);
            // places that aren't filled yet, and what fills the others
            let mut empty: HashMap<u8, usize> = HashMap::new();
            let mut ready: HashMap<u8, VecDeque<usize>> = HashMap::new();
            // how often others were served while this line was ready
            let mut passed: HashMap<u8, HashMap<u8, u32>> = HashMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                let places = |key: &u8| empty.get(key).unwrap_or(&0) + ready.get(key).map_or(0, VecDeque::len);
                let total: usize = (0..5).map(|key| places(&key)).sum();
                prop_assert_eq!(queue.len(), total);
                match step {
                    Step::Take(key) => {
                        let fits = places(&key) < room - total;
                        prop_assert_eq!(queue.take_place(&key), fits);
                        *empty.entry(key).or_default() += usize::from(fits);
                    }
                    Step::Leave(key) => {
                        if let Some(places) = empty.get_mut(&key).filter(|places| **places > 0) {
                            *places -= 1;
                            queue.leave(&key);
                        }
                    }
                    Step::Fill(key) => {
                        if let Some(places) = empty.get_mut(&key).filter(|places| **places > 0) {
                            *places -= 1;
                            queue.fill(&key, (key, number));
                            ready.entry(key).or_default().push_back(number);
                        }
                    }
                    Step::Pop => {
                        let Some((key, number)) = queue.pop() else {
                            prop_assert!(ready.is_empty());
                            continue;
                        };
                        prop_assert_eq!(ready.get_mut(&key).unwrap().pop_front(), Some(number));
                        ready.retain(|_, line| !line.is_empty());
                        passed.remove(&key);
                        for other in ready.keys().filter(|other| **other != key) {
                            let times = passed.entry(*other).or_default().entry(key).or_default();
                            *times += 1;
                            prop_assert!(*times <= 1, "{} was served twice while {} waited", key, other);
                        }
                    }
                }
            }
        }
    }
}
