//! Another operator and the same spec: nothing starts anew.

use std::collections::BTreeMap;

use super::*;
use crate::stack::plan::digest;

/// The golden is a promise to those who run version 0.1.0 of a stack. A change of it restarts the pods that it names as soon as
/// the operator is upgraded: give what changes to a newer version of stacks (`versions.rs`) instead, or, if it can't wait, say
/// so where releases are described.
#[test]
fn pods_of_a_stack_of_version_0_1_0_are_described_as_ever() {
    let templates: BTreeMap<_, _> = serving_plan()
        .children
        .into_iter()
        .filter_map(|child| {
            let template = match &child {
                Child::Deployment(deployment) => &deployment.spec.as_ref()?.template,
                Child::StatefulSet(set) => &set.spec.as_ref()?.template,
                _ => return None,
            };
            Some((child.id().name, digest(template)))
        })
        .collect();
    golden!("pod-templates-of-0.1.0", templates);
}
