//! Who waits for a hash, and who is next. Lines are per network and served in turn, so a flood from one place makes
//! only its own line longer. And a line may grow only while it is shorter than the room that is left: one flood takes
//! half of the room at most, two take a third each, and somebody who comes from elsewhere still finds a place.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A bounded queue that is fair among keys.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    room: usize,
    waiting: usize,
    lines: HashMap<K, VecDeque<T>>,
    /// The keys that have somebody waiting, the next one first.
    turns: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// A queue for `room` at most.
    pub fn new(room: usize) -> Self {
        Self { room, waiting: 0, lines: HashMap::new(), turns: VecDeque::new() }
    }

    /// Whether the line of `key` may grow.
    pub fn has_room(&self, key: &K) -> bool {
        self.ahead(key) < self.room - self.waiting
    }

    /// Puts `item` at the end of the line of `key`, or gives it back.
    pub fn push(&mut self, key: K, item: T) -> Result<(), T> {
        if !self.has_room(&key) {
            return Err(item);
        }
        if self.ahead(&key) == 0 {
            self.turns.push_back(key.clone());
        }
        self.lines.entry(key).or_default().push_back(item);
        self.waiting += 1;
        Ok(())
    }

    /// The first of the next line.
    pub fn pop(&mut self) -> Option<T> {
        let key = self.turns.pop_front()?;
        let line = self.lines.get_mut(&key)?;
        let item = line.pop_front()?;
        if line.is_empty() {
            self.lines.remove(&key);
        } else {
            self.turns.push_back(key);
        }
        self.waiting -= 1;
        Some(item)
    }

    fn ahead(&self, key: &K) -> usize {
        self.lines.get(key).map_or(0, VecDeque::len)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting
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
            queue.push(item.as_bytes()[0], item).unwrap();
        }
        let served: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(served, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn a_flood_takes_half_of_the_room_and_others_find_a_place() {
        let mut queue = FairQueue::new(64);
        let flood = (0..1000).filter(|_| queue.push("flood", ()).is_ok()).count();
        assert_eq!(flood, 32);
        assert!(queue.push("somebody", ()).is_ok());
        let second = (0..1000).filter(|_| queue.push("second flood", ()).is_ok()).count();
        assert!((15..=16).contains(&second), "{second}");
        assert!(queue.push("somebody else", ()).is_ok());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Pop,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        prop::collection::vec(prop_oneof![3 => (0_u8..5).prop_map(Step::Push), 2 => Just(Step::Pop)], 0..300)
    }

    proptest! {
        /// Whatever comes and goes: never more than the room, nobody lost, each line in order, somebody new always
        /// admitted while there is room, and nobody served twice while another line waits all the time.
        #[test]
        fn nobody_is_lost_and_nobody_passed_over(steps in steps(), room in 1_usize..40) {
            let mut queue = FairQueue::new(room);
            let mut waiting: HashMap<u8, VecDeque<usize>> = HashMap::new();
            // how often others were served while this line waited
            let mut passed: HashMap<u8, HashMap<u8, u32>> = HashMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                let total: usize = waiting.values().map(VecDeque::len).sum();
                prop_assert_eq!(queue.len(), total);
                match step {
                    Step::Push(key) => {
                        let ahead = waiting.get(&key).map_or(0, VecDeque::len);
                        prop_assert_eq!(queue.has_room(&key), ahead < room - total);
                        let admitted = queue.push(key, (key, number)).is_ok();
                        prop_assert_eq!(admitted, ahead < room - total);
                        if admitted {
                            waiting.entry(key).or_default().push_back(number);
                        }
                    }
                    Step::Pop => {
                        let Some((key, number)) = queue.pop() else {
                            prop_assert_eq!(total, 0);
                            continue;
                        };
                        prop_assert_eq!(waiting.get_mut(&key).unwrap().pop_front(), Some(number));
                        waiting.retain(|_, line| !line.is_empty());
                        passed.remove(&key);
                        for other in waiting.keys().filter(|other| **other != key) {
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
