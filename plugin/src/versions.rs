//! Which versions there are: of the operator that looks after the stacks, and of this program.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt, api::ListParams};
use serde::Serialize;

use crate::{findings::OPERATOR, target::Target};

const VERSION: &str = "app.kubernetes.io/version";

/// The versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Versions {
    /// Of this program.
    pub plugin: String,
    /// Of the operator, where it may be seen.
    pub operator: Option<String>,
}

/// Reads them.
pub async fn read(target: &Target) -> Versions {
    let selected = ListParams::default().labels(OPERATOR);
    let found = Api::<Deployment>::all(target.client.clone()).list(&selected).await;
    Versions::of(found.ok().as_ref().and_then(|found| found.items.first()))
}

impl Versions {
    /// With that of the operator, where it may be seen.
    pub fn of(operator: Option<&Deployment>) -> Self {
        let operator = operator.and_then(|operator| operator.labels().get(VERSION).cloned());
        Self { operator, ..Self::own() }
    }

    /// This program's alone.
    pub fn own() -> Self {
        Self { plugin: env!("CARGO_PKG_VERSION").to_owned(), operator: None }
    }

    /// Whether they know the same.
    pub fn fit(&self) -> bool {
        self.operator.as_ref().is_none_or(|operator| *operator == self.plugin)
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        let Self { plugin, operator } = self;
        match operator {
            None => format!("kubectl-tracklore {plugin}; you may not see the operator"),
            Some(operator) if self.fit() => format!("operator {operator}, kubectl-tracklore {plugin}"),
            Some(operator) => format!(
                "operator {operator}, but kubectl-tracklore {plugin}; take the one of the operator's version"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_do_not_fit_are_told_with_what_to_do() {
        let told = |operator: Option<&str>| {
            let versions = Versions { plugin: "0.2.0".into(), operator: operator.map(str::to_owned) };
            versions.sentence()
        };
        assert_eq!(told(Some("0.2.0")), "operator 0.2.0, kubectl-tracklore 0.2.0");
        assert!(told(Some("0.1.0")).ends_with("take the one of the operator's version"));
        assert!(told(None).contains("you may not see the operator"));
    }
}
