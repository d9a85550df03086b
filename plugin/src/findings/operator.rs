//! Whether an operator runs, and whether it and this program know the same.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, api::ListParams};

use super::Finding;
use crate::{target::Target, versions::Versions};

/// What selects the operator's Deployment and its pods.
pub const OPERATOR: &str = "app.kubernetes.io/name=tracklore-operator";

/// Looks for its Deployment.
pub async fn look(target: &Target) -> Vec<Finding> {
    let selector = ListParams::default().labels(OPERATOR);
    match Api::<Deployment>::all(target.client.clone()).list(&selector).await {
        Ok(found) => of(found.items.first()),
        Err(error) => {
            vec![Finding::unread("Deployments of all namespaces, the operator's among them,", error)]
        }
    }
}

fn of(deployment: Option<&Deployment>) -> Vec<Finding> {
    let Some(deployment) = deployment else {
        return vec![Finding::Wrong(
            "no operator runs in this cluster; helm install tracklore-operator charts/tracklore-operator"
                .to_owned(),
        )];
    };
    let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let runs = if ready > 0 {
        Finding::Fine(format!("the operator {namespace}/{name} runs"))
    } else {
        Finding::Wrong(format!(
            "no pod of the operator {namespace}/{name} is ready; kubectl -n {namespace} describe deployment {name}"
        ))
    };
    let versions = Versions::of(Some(deployment));
    let sentence = versions.sentence();
    let fit = match versions.operator {
        None => Finding::Unknown(format!("Deployment {namespace}/{name} doesn't say its version")),
        Some(_) if versions.fit() => Finding::Fine(sentence),
        Some(_) => Finding::Wrong(sentence),
    };
    vec![runs, fit]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(version: &str, ready: i32) -> Vec<Finding> {
        let deployment = json!({
            "metadata": {"name": "operator", "namespace": "system",
                "labels": {"app.kubernetes.io/version": version}},
            "status": {"readyReplicas": ready},
        });
        of(Some(&serde_json::from_value(deployment).unwrap()))
    }

    #[test]
    fn an_operator_that_runs_and_knows_the_same_is_fine() {
        let own = env!("CARGO_PKG_VERSION");
        let both = format!("operator {own}, kubectl-tracklore {own}");
        assert_eq!(
            told(own, 1),
            [Finding::Fine("the operator system/operator runs".into()), Finding::Fine(both)]
        );
    }

    #[test]
    fn an_operator_that_is_away_or_of_another_version_is_told_with_what_to_do() {
        let told = told("99.0.0", 0);
        let wrong: Vec<_> = told
            .iter()
            .filter_map(|finding| match finding {
                Finding::Wrong(sentence) => Some(sentence.as_str()),
                _ => None,
            })
            .collect();
        assert!(wrong[0].ends_with("kubectl -n system describe deployment operator"), "{wrong:?}");
        assert!(wrong[1].ends_with("take the one of the operator's version"), "{wrong:?}");
        assert!(matches!(&of(None)[..], [Finding::Wrong(sentence)] if sentence.contains("helm install")));
    }
}
