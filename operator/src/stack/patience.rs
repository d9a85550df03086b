//! When pods are worth a look: not as long as things get on. Why pods don't run is told by no watch, and asking costs a list
//! of all of them.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::observed::Observed;

/// Where workloads and Jobs have told nothing new for so long, something may be wrong.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// One of them may tell something new all the time while another waits in vain.
const LONGEST: Duration = Duration::from_secs(30);

/// How stacks get on, by uid.
#[derive(Default)]
pub struct Patience(Mutex<HashMap<String, Waiting>>);

struct Waiting {
    told: u64,
    /// Since when nothing else is told; `None` when that was before this process.
    since: Option<Instant>,
    /// When pods were last worth a look.
    looked: Instant,
    troubles: BTreeMap<String, String>,
}

impl Patience {
    /// Whether nothing new has been told for long. A stack that isn't `new` may have waited before this process began.
    pub fn is_over(&self, uid: &str, observed: &Observed, new: bool) -> bool {
        let told = told(observed);
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = stacks.entry(uid.to_owned()).or_insert_with(|| Waiting {
            told,
            since: new.then(Instant::now),
            looked: Instant::now(),
            troubles: BTreeMap::new(),
        });
        if waiting.told != told {
            (waiting.told, waiting.since) = (told, Some(Instant::now()));
        }
        let is_over = waiting.since.is_none_or(|since| since.elapsed() >= PATIENCE)
            || waiting.looked.elapsed() >= LONGEST;
        if is_over {
            waiting.looked = Instant::now();
        }
        is_over
    }

    /// Keeps what pods said.
    pub fn keep(&self, uid: &str, troubles: &BTreeMap<String, String>) {
        let mut stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = stacks.get_mut(uid) {
            waiting.troubles.clone_from(troubles);
        }
    }

    /// What pods said last.
    pub fn troubles(&self, uid: &str) -> BTreeMap<String, String> {
        let stacks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.get(uid).map(|waiting| waiting.troubles.clone()).unwrap_or_default()
    }

    /// Forgets a stack.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// All that workloads and Jobs tell.
fn told(observed: &Observed) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&observed.deployments, &observed.stateful_sets, &observed.jobs).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::observed::JobState;

    fn failed(failures: i32) -> Observed {
        Observed { jobs: [("job".to_owned(), JobState::Running { failures })].into(), ..Observed::default() }
    }

    #[test]
    fn pods_of_a_stack_that_gets_on_are_not_worth_a_look() {
        let patience = Patience::default();
        let is_over = |failures| patience.is_over("u", &failed(failures), true);
        assert!(!is_over(0), "it has just begun");
        patience.0.lock().unwrap().get_mut("u").unwrap().since = Instant::now().checked_sub(PATIENCE);
        assert!(is_over(0), "nothing new");
        assert!(!is_over(1), "it tells something new");
        patience.0.lock().unwrap().get_mut("u").unwrap().looked =
            Instant::now().checked_sub(LONGEST).unwrap();
        assert!(is_over(2), "it tells something new again and again");
        assert!(!is_over(3), "and was looked at");
    }

    #[test]
    fn a_stack_that_has_waited_before_the_process_began_is_looked_at_once() {
        let patience = Patience::default();
        assert!(patience.is_over("u", &failed(0), false));
        let troubles = BTreeMap::from([("redis".to_owned(), "no node takes the pod".to_owned())]);
        patience.keep("u", &troubles);
        assert!(!patience.is_over("u", &failed(1), false), "it tells something new");
        assert_eq!(patience.troubles("u"), troubles, "what is known holds until pods are looked at again");
        patience.forget("u");
        assert_eq!(patience.troubles("u"), BTreeMap::new());
    }
}
