//! What a look at the cluster and a stack finds, and what to do about it: a file for each thing that is looked at.

mod certificates;
mod cluster;
mod conditions;
mod operator;
mod others;
mod parts;
mod secrets;
mod storage;
mod waiting;

use serde::Serialize;
use tracklore_operator::stack::validate::{self, Refusal};

use crate::{Error, backlog, picture, target::Target};

pub use self::operator::OPERATOR;

/// What a look at one thing has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "sentence", rename_all = "lowercase")]
pub enum Finding {
    /// It is as it should be.
    Fine(String),
    /// It couldn't be looked at.
    Unknown(String),
    /// It is wrong, and what to do.
    Wrong(String),
}

/// Looks at everything.
pub async fn look(target: &Target) -> Result<Vec<Finding>, Error> {
    let (client, stack) = (&target.client, &target.stack);
    let mut findings = vec![cluster::version(client).await, cluster::definition(client).await];
    findings.extend(operator::look(target).await);
    findings.extend(storage::class(client, &stack.spec).await);
    findings.extend(conditions::look(stack));
    let (parts, pods) = picture::parts(target).await?;
    findings.extend(parts::look(&parts));
    findings.extend(storage::claims(target).await?);
    match validate::validate(stack).map(Box::new) {
        Ok(valid) => {
            findings.extend(others::look(client, &valid).await?);
            findings.extend(secrets::look(target, &valid).await?);
        }
        Err(Refusal(sentences)) => findings.push(Finding::Unknown(format!(
            "the Secrets and kinds that the spec needs aren't checked, as it isn't valid here: {}",
            sentences.join("; ")
        ))),
    }
    findings.extend(waiting::look(&backlog::read(target, &pods).await));
    Ok(told_once(findings))
}

/// The same without what an earlier sentence says already: what is missing is often told by a condition, too.
fn told_once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        let repeats = |told: &Finding| match (told, &finding) {
            (Finding::Wrong(told), Finding::Wrong(sentence)) => told.contains(sentence.as_str()),
            _ => false,
        };
        if !once.iter().any(repeats) {
            once.push(finding);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_condition_says_already_is_told_once() {
        let wrong = |sentence: &str| Finding::Wrong(sentence.to_owned());
        let (condition, secret) = (wrong("SecretMissing: Secret a lacks b"), wrong("Secret a lacks b"));
        let other = wrong("Secret c lacks b");
        assert_eq!(
            told_once(vec![condition.clone(), condition.clone(), secret, other.clone()]),
            [condition, other]
        );
    }
}
