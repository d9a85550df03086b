//! What a look at the cluster and a stack finds, and what to do about it: a file for each thing that is looked at.

mod advice;
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

use self::advice::Advice;
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

impl Finding {
    /// These couldn't be looked at, and why.
    fn unread(what: &str, error: impl Into<Error>) -> Self {
        Self::Unknown(match error.into() {
            Error::Api(kube::Error::Api(status)) if status.code == 403 => {
                format!("you may not read {what}, so they aren't checked")
            }
            error => format!("{what} aren't checked: {error}"),
        })
    }
}

/// Looks at everything. What can't be read is a finding, too: the rest is told all the same.
pub async fn look(target: &Target) -> Vec<Finding> {
    let (client, stack, advice) = (&target.client, &target.stack, Advice::of(target));
    let mut findings = vec![cluster::version(client).await, cluster::definition(client).await];
    findings.extend(operator::look(target).await);
    findings.extend(conditions::look(stack));
    let pods = match picture::parts(target).await {
        Ok((parts, pods)) => {
            findings.extend(parts::look(&parts, &advice));
            pods
        }
        Err(error) => {
            findings.push(Finding::unread("the stack's parts, their pods, and what waits in them", error));
            Vec::new()
        }
    };
    findings.extend(storage::look(target).await);
    match validate::validate(stack).map(Box::new) {
        Ok(valid) => {
            findings.extend(others::look(client, &valid).await);
            findings.extend(secrets::look(target, &valid).await);
        }
        Err(Refusal(sentences)) => findings.push(Finding::Unknown(format!(
            "the Secrets and kinds that the spec needs aren't checked, as it isn't valid here: {}",
            sentences.join("; ")
        ))),
    }
    findings.extend(waiting::look(&backlog::read(target, &pods).await, &advice));
    told_once(findings)
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
    use crate::target::unreadable;

    #[tokio::test]
    async fn what_can_not_be_read_is_told_beside_the_rest() {
        let target = unreadable(include_str!("../../examples/external.yaml"));
        let told = look(&target).await;
        let unknown = |words: &str| {
            let is = |told: &Finding| matches!(told, Finding::Unknown(sentence) if sentence.contains(words));
            assert!(told.iter().any(is), "{words}: {told:#?}");
        };
        for words in ["parts", "claims", "metrics.k8s.io", "Secrets", "version of Kubernetes"] {
            unknown(words);
        }
    }

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
