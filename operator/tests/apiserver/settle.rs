//! Running an operator in a namespace until there is nothing left to do.

use std::time::Duration;

use tracklore_operator::api::v1alpha1::TrackloreStack;
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    picture::Picture,
    spaces::{NAME, Space, holds},
};

/// How long an operator may take for what it can do by itself.
pub const PATIENCE: Duration = Duration::from_mins(3);

impl Space {
    /// Waits until the operator says that all is there, and asks for nothing more.
    pub async fn settled(&self, operator: &Operator) {
        let (mut writes, mut seen) = (None, String::new());
        eventually_within(PATIENCE, "the stack is settled", async || {
            let stack = self.api::<TrackloreStack>().get(NAME).await.unwrap();
            let up = holds(&stack, "Ready", if stack.spec.suspended { "False" } else { "True" });
            let settled = up && holds(&stack, "Progressing", "False") && holds(&stack, "Degraded", "False");
            let before = writes.replace(operator.faults.writes());
            let told = serde_json::to_string(&stack.status).unwrap();
            if seen != told {
                println!("{}: {told}", self.name);
                seen = told;
            }
            (settled && before == writes).then_some(())
        })
        .await;
    }

    /// Runs an operator until the stack is settled; then what is there.
    pub async fn settle(&self, faults: Faults) -> (Picture, usize) {
        let operator = Operator::start(self, faults).await;
        self.settled(&operator).await;
        (Picture::of(self).await, operator.faults.writes())
    }

    /// Runs an operator until it dies of its faults. One that settles before that doesn't die.
    pub async fn settle_or_die(&self, faults: Faults) {
        let operator = Operator::start(self, faults.clone()).await;
        tokio::select! {
            () = faults.death() => {}
            () = self.settled(&operator) => {}
        }
    }
}
