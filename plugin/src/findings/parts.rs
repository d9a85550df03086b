//! Whether the parts of the stack have their pods, and whether these stay.

use super::{Advice, Finding};
use crate::picture::Part;

/// Containers that ended more often than this have something that ends them.
const MANY_RESTARTS: i32 = 3;

/// Goes through the parts.
pub fn look(parts: &[Part], advice: &Advice) -> Vec<Finding> {
    let wrong: Vec<_> = parts.iter().filter_map(|part| trouble(part, advice)).map(Finding::Wrong).collect();
    if wrong.is_empty() {
        return vec![Finding::Fine(format!("all {} parts have their pods", parts.len()))];
    }
    wrong
}

fn trouble(part: &Part, advice: &Advice) -> Option<String> {
    let Part { name, desired, ready, restarts, .. } = part;
    if let Some(trouble) = &part.trouble {
        return Some(format!("{name}: {trouble}"));
    }
    if ready < desired {
        let logs = advice.command(&format!("logs {name}"));
        return Some(format!("{name}: {ready} of {desired} pods are ready; {logs}"));
    }
    (*restarts > MANY_RESTARTS).then(|| {
        let events = advice.command("events --warnings");
        format!("{name}: containers have ended {restarts} times; {events}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_their_pods_are_named_with_what_to_do() {
        let fine = Part { name: "auth".into(), desired: 1, ready: 1, ..Part::default() };
        let told = |parts: &[Part]| look(parts, &Advice::default());
        assert_eq!(told(std::slice::from_ref(&fine)), [Finding::Fine("all 1 parts have their pods".into())]);
        let short = Part { ready: 0, ..fine.clone() };
        let restless = Part { restarts: 9, ..fine.clone() };
        let broken = Part { trouble: Some("no node takes the pod".into()), ..fine };
        let told = told(&[short, restless, broken]);
        assert_eq!(
            told,
            [
                Finding::Wrong("auth: 0 of 1 pods are ready; kubectl tracklore logs auth".into()),
                Finding::Wrong(
                    "auth: containers have ended 9 times; kubectl tracklore events --warnings".into()
                ),
                Finding::Wrong("auth: no node takes the pod".into()),
            ]
        );
    }
}
