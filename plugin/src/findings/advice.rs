//! Commands that findings advise: those that can be typed as they stand, and show something.

use crate::target::Target;

/// How commands are given for the stack.
#[derive(Debug, Default)]
pub struct Advice {
    flags: String,
    /// Dependencies whose logs aren't here, as others run them.
    foreign: Vec<&'static str>,
}

impl Advice {
    /// For this stack.
    pub fn of(target: &Target) -> Self {
        let spec = &target.stack.spec;
        let foreign = [("kafka", spec.kafka.managed.is_none()), ("redis", spec.redis.managed.is_none())];
        let foreign = foreign.into_iter().filter_map(|(name, foreign)| foreign.then_some(name));
        let stack = if target.named { format!(" -s {}", target.name()) } else { String::new() };
        Self { flags: format!(" -n {}{stack}", target.namespace()), foreign: foreign.collect() }
    }

    /// A command of this program.
    pub fn command(&self, words: &str) -> String {
        format!("kubectl tracklore {words}{}", self.flags)
    }

    /// How to see what a part and a dependency of it say.
    pub fn logs(&self, part: &str, dependency: &str) -> String {
        if self.foreign.contains(&dependency) {
            let (logs, status) = (self.command(&format!("logs {part}")), self.command("status"));
            return format!("{logs}; others run {dependency}: {status}");
        }
        self.command(&format!("logs {part} {dependency}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::unreadable;

    #[tokio::test]
    async fn commands_name_the_namespace_and_the_stack_where_that_was_named() {
        let mut target = unreadable(include_str!("../../../examples/minimal.yaml"));
        assert_eq!(Advice::of(&target).command("status"), "kubectl tracklore status -n default");
        target.named = true;
        let named = format!("kubectl tracklore status -n default -s {}", target.name());
        assert_eq!(Advice::of(&target).command("status"), named);
    }

    #[tokio::test]
    async fn logs_of_what_others_run_are_not_looked_for_here() {
        let own = Advice::of(&unreadable(include_str!("../../../examples/minimal.yaml")));
        assert_eq!(own.logs("feed", "redis"), "kubectl tracklore logs feed redis -n default");
        let external = Advice::of(&unreadable(include_str!("../../../examples/external.yaml")));
        for dependency in ["kafka", "redis"] {
            let told = external.logs("posts", dependency);
            assert!(!told.contains(&format!("posts {dependency}")) && told.contains("status -n "), "{told}");
        }
    }
}
