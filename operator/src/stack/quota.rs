//! How many stacks a namespace may hold: a stack takes a dozen pods and the operator's time, and whoever may make one in a
//! namespace could make a thousand.

use std::sync::OnceLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{Resource, runtime::reflector::Store};

use super::{GuardedStack, validate::Refusal};

/// The cap, and what is counted.
pub struct Quota {
    most: usize,
    stacks: OnceLock<Store<GuardedStack>>,
}

impl Quota {
    /// A cap of so many stacks; any number when it is 0.
    pub fn new(most: usize) -> Self {
        Self { most, stacks: OnceLock::new() }
    }

    /// Counts these from now on.
    pub fn count(&self, stacks: Store<GuardedStack>) {
        drop(self.stacks.set(stacks));
    }

    /// Why a stack has no place in its namespace, if it hasn't: those that were made before it have taken all.
    pub fn refusal(&self, stack: &ObjectMeta) -> Option<Refusal> {
        let stacks = self.stacks.get().filter(|_| self.most > 0)?;
        let others = stacks.state();
        let before = earlier(others.iter().map(|other| other.meta()), stack);
        (before >= self.most).then(|| {
            Refusal(vec![format!(
                "namespace {} holds {before} stacks already, and may hold {}; remove one, make this one elsewhere, or have the operator's maxStacksPerNamespace raised",
                stack.namespace.as_deref().unwrap_or_default(),
                self.most
            )])
        })
    }
}

/// How many stacks of a namespace were made before this one.
fn earlier<'a>(all: impl Iterator<Item = &'a ObjectMeta>, stack: &ObjectMeta) -> usize {
    fn age(meta: &ObjectMeta) -> (Option<&Time>, Option<&String>) {
        (meta.creation_timestamp.as_ref(), meta.name.as_ref())
    }
    all.filter(|other| other.namespace == stack.namespace && age(other) < age(stack)).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stack(namespace: &str, name: &str, second: u8) -> ObjectMeta {
        let at = format!("2026-01-01T00:00:{second:02}Z");
        serde_json::from_value(json!({"namespace": namespace, "name": name, "creationTimestamp": at}))
            .unwrap()
    }

    #[test]
    fn only_what_was_made_before_in_the_same_namespace_counts() {
        let all =
            [stack("a", "first", 1), stack("a", "second", 2), stack("a", "twin", 2), stack("b", "other", 0)];
        let before = |stack: &ObjectMeta| earlier(all.iter(), stack);
        assert_eq!([before(&all[0]), before(&all[1]), before(&all[2]), before(&all[3])], [0, 1, 2, 0]);
    }

    #[test]
    fn without_a_cap_or_before_stacks_are_known_nobody_is_refused() {
        assert_eq!(Quota::new(1).refusal(&stack("a", "first", 1)), None);
        assert_eq!(Quota::new(0).refusal(&stack("a", "first", 1)), None);
    }
}
