//! What the operator says of the stack itself.

use tracklore_operator::api::v1alpha1::TrackloreStack;

use super::Finding;

/// Conditions that tell of the whole stack, and what they are when it's well.
const WHOLE: [(&str, &str); 3] = [("Ready", "True"), ("Stalled", "False"), ("Degraded", "False")];

/// Goes through the conditions.
pub fn look(stack: &TrackloreStack) -> Vec<Finding> {
    let status = stack.status.clone().unwrap_or_default();
    if status.observed_generation != stack.metadata.generation {
        return vec![Finding::Wrong(
            "the operator hasn't seen the present spec; if that lasts for more than seconds, it doesn't run or doesn't watch this namespace".to_owned(),
        )];
    }
    let condition = |kind: &str| status.conditions.iter().find(|condition| condition.type_ == kind);
    let wrong = WHOLE.iter().filter_map(|(kind, good)| {
        let condition = condition(kind).filter(|condition| condition.status != *good)?;
        Some(Finding::Wrong(format!("{}: {}", condition.reason, condition.message)))
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return wrong;
    }
    vec![match condition("Ready") {
        Some(condition) => Finding::Fine(condition.message.clone()),
        None => Finding::Wrong(
            "the operator has said nothing about this stack yet; see whether it runs and watches this namespace"
                .to_owned(),
        ),
    }]
}

/// Whether the operator has done what it had to for the present spec.
pub fn is_settled(stack: &TrackloreStack) -> bool {
    let Some(status) = &stack.status else { return false };
    let moves = status.conditions.iter().any(|it| it.type_ == "Progressing" && it.status == "True");
    status.observed_generation == stack.metadata.generation && !moves
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stack(seen: i64, conditions: &[(&str, &str)]) -> TrackloreStack {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(kind, status)| {
                json!({"type": kind, "status": status, "reason": "Why", "message": format!("{kind} is {status}"),
                    "lastTransitionTime": "2026-01-01T10:00:00Z"})
            })
            .collect();
        let stack = json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
            "metadata": {"name": "demo", "generation": 3},
            "spec": {"version": "0.1.0", "publicUrl": "http://localhost", "postgres": {}, "kafka": {}, "redis": {}},
            "status": {"observedGeneration": seen, "conditions": conditions},
        });
        serde_json::from_value(stack).unwrap()
    }

    fn told(seen: i64, conditions: &[(&str, &str)]) -> Vec<Finding> {
        look(&stack(seen, conditions))
    }

    #[test]
    fn a_stack_is_settled_once_nothing_of_the_present_spec_is_under_way() {
        assert!(is_settled(&stack(3, &[("Ready", "False"), ("Progressing", "False")])));
        assert!(!is_settled(&stack(3, &[("Progressing", "True")])));
        assert!(!is_settled(&stack(2, &[("Ready", "True")])));
    }

    #[test]
    fn a_stack_is_as_its_conditions_say_once_they_are_of_the_present_spec() {
        assert_eq!(
            told(3, &[("Ready", "True"), ("Stalled", "False")]),
            [Finding::Fine("Ready is True".into())]
        );
        let wrong = told(3, &[("Ready", "True"), ("Degraded", "True")]);
        assert_eq!(wrong, [Finding::Wrong("Why: Degraded is True".into())]);
        for nothing in [told(2, &[("Ready", "True")]), told(3, &[])] {
            assert!(matches!(&nothing[..], [Finding::Wrong(_)]), "{nothing:?}");
        }
    }
}
