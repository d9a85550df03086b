//! Brings the CRD of this version into a cluster, whoever made the one that is there: what the chart's Job runs before an
//! install or an upgrade.

use std::time::{Duration, Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, CustomResourceExt,
    api::{Patch, PatchParams},
    runtime::wait::{Condition, conditions},
};

use crate::api::v1alpha1::{TrackloreStack, crd};

/// Not the manager that stacks' children have: the CRD isn't the running operator's.
const MANAGER: &str = "tracklore-operator-crd";
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// Why the CRD couldn't be brought.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The definition can't be made.
    #[error("the definition can't be written")]
    Definition(#[from] crd::Error),
    /// The API server said no, or nothing.
    #[error("the API server didn't take the CRD")]
    Api(#[from] kube::Error),
    /// It took it and doesn't serve it.
    #[error(
        "the API server took the CRD {0} and doesn't serve it after 30 s; see its conditions with kubectl describe crd"
    )]
    NotServed(String),
}

/// Applies the CRD and waits until the API server serves it. Returns its name.
///
/// It is applied by force: fields that kubectl or an earlier release set are this version's now.
pub async fn crd(client: Client) -> Result<String, Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client);
    let name = TrackloreStack::crd_name().to_owned();
    let mut there =
        api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(crd::definition()?)).await?;
    let until = Instant::now() + PATIENCE;
    while !conditions::is_crd_established().matches_object(Some(&there)) {
        if Instant::now() >= until {
            return Err(Error::NotServed(name));
        }
        tokio::time::sleep(PAUSE).await;
        there = api.get(&name).await?;
    }
    Ok(name)
}
