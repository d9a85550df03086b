//! `doctor`: looks for what is wrong, and says what to do.

use std::{io::Write, process::ExitCode};

use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::PersistentVolumeClaim, storage::v1::StorageClass},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;

use super::{Format, Output};

use crate::{
    Error,
    picture::{self, Part},
    target::Target,
    terminal::{Terminal, Tone, WIDTH, wrap},
};

/// Containers that ended more often than this have something that ends them.
const MANY_RESTARTS: i32 = 3;
const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// What selects the operator's Deployment and its pods.
pub const OPERATOR: &str = "app.kubernetes.io/name=tracklore-operator";

/// What a look at one thing has found.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "sentence", rename_all = "lowercase")]
pub enum Finding {
    /// It is as it should be.
    Fine(String),
    /// It couldn't be looked at.
    Unknown(String),
    /// It is wrong, and what to do.
    Wrong(String),
}

/// Tells what it finds; the exit code is 1 when something is wrong.
pub async fn run(target: &Target, output: &Output, terminal: &Terminal) -> Result<ExitCode, Error> {
    let findings = findings(target).await?;
    match output.format() {
        Format::Json => super::json(&findings)?,
        Format::Text => write!(std::io::stdout().lock(), "{}", text(&findings, *terminal))?,
    }
    let wrong = findings.iter().any(|finding| matches!(finding, Finding::Wrong(_)));
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Looks at everything.
pub async fn findings(target: &Target) -> Result<Vec<Finding>, Error> {
    let mut findings = vec![definition(target).await, operator(target).await, storage(target).await];
    findings.extend(conditions(target));
    findings.extend(workloads(&picture::parts(target).await?.0));
    findings.extend(claims(target).await?);
    Ok(findings)
}

/// On 80 columns.
pub fn text(findings: &[Finding], terminal: Terminal) -> String {
    let line = |finding: &Finding| {
        let (tone, sign, sentence) = match finding {
            Finding::Fine(sentence) => (Tone::Good, "✔", sentence),
            Finding::Unknown(sentence) => (Tone::Warning, "?", sentence),
            Finding::Wrong(sentence) => (Tone::Bad, "✘", sentence),
        };
        format!("{} {}\n", terminal.paint(tone, sign), wrap(sentence, "  ", WIDTH).trim_start())
    };
    findings.iter().map(line).collect()
}

async fn definition(target: &Target) -> Finding {
    let definitions = Api::<CustomResourceDefinition>::all(target.client.clone());
    match definitions.get_opt("tracklorestacks.tracklore.io").await {
        Ok(Some(definition)) => {
            let served: Vec<_> = definition
                .spec
                .versions
                .iter()
                .filter(|version| version.served)
                .map(|version| version.name.as_str())
                .collect();
            Finding::Fine(format!("the cluster knows TrackloreStack {}", served.join(", ")))
        }
        Ok(None) => {
            Finding::Wrong("the CRD isn't installed; kubectl apply --server-side -f crds/".to_owned())
        }
        Err(_) => Finding::Unknown(
            "you may not read CustomResourceDefinitions, so the CRD isn't checked".to_owned(),
        ),
    }
}

async fn operator(target: &Target) -> Finding {
    let selector = ListParams::default().labels(OPERATOR);
    let Ok(found) = Api::<Deployment>::all(target.client.clone()).list(&selector).await else {
        return Finding::Unknown(
            "you may not list Deployments of all namespaces, so the operator isn't checked".to_owned(),
        );
    };
    let Some(deployment) = found.items.first() else {
        return Finding::Wrong(
            "no operator runs in this cluster; helm install tracklore-operator charts/tracklore-operator"
                .to_owned(),
        );
    };
    let place = format!("{}/{}", deployment.namespace().unwrap_or_default(), deployment.name_any());
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    if ready > 0 {
        return Finding::Fine(format!("the operator {place} runs"));
    }
    let namespace = deployment.namespace().unwrap_or_default();
    Finding::Wrong(format!(
        "no pod of the operator {place} is ready; kubectl -n {namespace} describe deployment {}",
        deployment.name_any()
    ))
}

/// Claims without a class need a default one.
async fn storage(target: &Target) -> Finding {
    let Ok(classes) = Api::<StorageClass>::all(target.client.clone()).list(&ListParams::default()).await
    else {
        return Finding::Unknown("you may not list StorageClasses, so storage isn't checked".to_owned());
    };
    let default = classes
        .items
        .iter()
        .find(|class| class.annotations().get(DEFAULT_CLASS).is_some_and(|value| value == "true"));
    match default {
        Some(class) => Finding::Fine(format!("claims get storage of class {}", class.name_any())),
        None => Finding::Wrong(
            "no StorageClass is the default; set storage.className of postgres, kafka and redis, or make one the default".to_owned(),
        ),
    }
}

fn conditions(target: &Target) -> Vec<Finding> {
    let status = target.stack.status.clone().unwrap_or_default();
    if status.observed_generation != target.stack.metadata.generation {
        return vec![Finding::Wrong(
            "the operator hasn't seen the present spec; if that lasts for more than seconds, it doesn't run or doesn't watch this namespace".to_owned(),
        )];
    }
    let wrong = |kind: &str, good: &str| {
        let condition = status.conditions.iter().find(|condition| condition.type_ == kind)?;
        (condition.status != good)
            .then(|| Finding::Wrong(format!("{}: {}", condition.reason, condition.message)))
    };
    let found: Vec<_> = [("Ready", "True"), ("Stalled", "False"), ("Degraded", "False")]
        .iter()
        .filter_map(|(kind, good)| wrong(kind, good))
        .collect();
    if found.is_empty() {
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        return vec![match ready {
            Some(condition) => Finding::Fine(condition.message.clone()),
            None => Finding::Wrong(
                "the operator has said nothing about this stack yet; is it running?".to_owned(),
            ),
        }];
    }
    found
}

fn workloads(parts: &[Part]) -> Vec<Finding> {
    let mut found = Vec::new();
    for part in parts {
        let name = &part.name;
        if let Some(trouble) = &part.trouble {
            found.push(Finding::Wrong(format!("{name}: {trouble}")));
        } else if part.ready < part.desired {
            found.push(Finding::Wrong(format!(
                "{name}: {} of {} pods are ready; kubectl tracklore logs {name}",
                part.ready, part.desired
            )));
        } else if part.restarts > MANY_RESTARTS {
            found.push(Finding::Wrong(format!(
                "{name}: containers have ended {} times; kubectl tracklore events --warnings",
                part.restarts
            )));
        }
    }
    if found.is_empty() {
        found.push(Finding::Fine(format!("all {} parts have their pods", parts.len())));
    }
    found
}

async fn claims(target: &Target) -> Result<Vec<Finding>, Error> {
    let claims = target.api::<PersistentVolumeClaim>().list(&target.parts()).await?.items;
    let phase = |claim: &PersistentVolumeClaim| claim.status.as_ref().and_then(|status| status.phase.clone());
    let waiting = claims.iter().filter(|claim| phase(claim).as_deref() != Some("Bound"));
    let mut found: Vec<_> = waiting
        .map(|claim| {
            let name = claim.name_any();
            Finding::Wrong(format!(
                "claim {name} has no volume; kubectl -n {} describe pvc {name}",
                target.namespace()
            ))
        })
        .collect();
    if found.is_empty() {
        found.push(Finding::Fine(format!("all {} claims have their volumes", claims.len())));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_without_their_pods_are_named_with_what_to_do() {
        let fine = Part { name: "auth".into(), desired: 1, ready: 1, ..Part::default() };
        assert_eq!(
            workloads(std::slice::from_ref(&fine)),
            [Finding::Fine("all 1 parts have their pods".into())]
        );
        let short = Part { ready: 0, ..fine.clone() };
        let restless = Part { restarts: 9, ..fine.clone() };
        let broken = Part { trouble: Some("no node takes the pod".into()), ..fine };
        let told = workloads(&[short, restless, broken]);
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
