//! Whether the cluster is one that stacks can run in: its version, and whether it knows what a stack is.

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::version::Info,
};
use kube::{Api, Client};

use super::Finding;

/// The oldest Kubernetes that the chart takes: 1 and this.
const OLDEST_MINOR: u32 = 33;

/// Whether Kubernetes is new enough.
pub async fn version(client: &Client) -> Finding {
    match client.apiserver_version().await {
        Ok(info) => new_enough(&info),
        Err(error) => Finding::Unknown(format!("the version of Kubernetes can't be read: {error}")),
    }
}

fn new_enough(info: &Info) -> Finding {
    // Some clouds write 33+.
    let number = |text: &str| text.trim_end_matches(|sign: char| !sign.is_ascii_digit()).parse::<u32>().ok();
    let version = &info.git_version;
    match (number(&info.major), number(&info.minor)) {
        (Some(major), Some(minor)) if (major, minor) < (1, OLDEST_MINOR) => Finding::Wrong(format!(
            "Kubernetes {version} is older than 1.{OLDEST_MINOR}, the oldest that the operator is made for; upgrade the cluster"
        )),
        (Some(_), Some(_)) => Finding::Fine(format!("Kubernetes {version} is new enough")),
        _ => Finding::Unknown(format!("Kubernetes {version} can't be compared with 1.{OLDEST_MINOR}")),
    }
}

/// Whether the cluster knows what a stack is.
pub async fn definition(client: &Client) -> Finding {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    match definitions.get_opt("tracklorestacks.tracklore.io").await {
        Ok(Some(definition)) => {
            let served = definition.spec.versions.iter().filter(|version| version.served);
            let served: Vec<_> = served.map(|version| version.name.as_str()).collect();
            Finding::Fine(format!("the cluster knows TrackloreStack {}", served.join(", ")))
        }
        Ok(None) => {
            Finding::Wrong("the CRD isn't installed; kubectl apply --server-side -f crds/".to_owned())
        }
        Err(error) => Finding::unread("CustomResourceDefinitions", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_cluster_is_told_to_be_upgraded() {
        let told = |minor: &str| {
            let git_version = format!("v1.{minor}.2");
            new_enough(&Info { major: "1".into(), minor: minor.into(), git_version, ..Info::default() })
        };
        assert_eq!(told("36"), Finding::Fine("Kubernetes v1.36.2 is new enough".into()));
        assert!(matches!(told("33+"), Finding::Fine(_)));
        assert!(matches!(told("32"), Finding::Wrong(sentence) if sentence.ends_with("upgrade the cluster")));
        assert!(matches!(told(""), Finding::Unknown(_)));
    }

    #[test]
    fn the_oldest_version_is_that_of_the_chart() {
        let chart = include_str!("../../../charts/tracklore-operator/Chart.yaml");
        assert!(chart.contains(&format!("kubeVersion: \">=1.{OLDEST_MINOR}.0-0\"")), "{chart}");
    }
}
