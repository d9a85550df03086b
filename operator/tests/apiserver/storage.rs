//! Claims grow, and their StatefulSet is made anew around its pods, which don't notice.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::StatefulSet,
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Pod},
    storage::v1::StorageClass,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;
use tracklore_operator::api::v1alpha1::TrackloreStack;
use tracklore_testkit::eventually_within;

use crate::{
    faults::Faults,
    operator::Operator,
    spaces::{Space, spec},
};

/// A class of volumes that can grow.
const GROWS: &str = "grows";
const SET: &str = "demo-postgres";
const CLAIM: &str = "data-demo-postgres-0";

/// Plays the provisioner: says of a claim that a volume of the size asked for is bound to it.
async fn bind(space: &Space) {
    let claims = space.api::<PersistentVolumeClaim>();
    let params = PatchParams::default();
    let volume = json!({"spec": {"volumeName": format!("volume-of-{}", space.name)}});
    claims.patch(CLAIM, &params, &Patch::Merge(volume)).await.unwrap();
    let status = json!({"status": {"phase": "Bound", "capacity": {"storage": "10Gi"}}});
    claims.patch_status(CLAIM, &params, &Patch::Merge(status)).await.unwrap();
}

/// The StatefulSet's uid, and the size in its template.
async fn set(space: &Space) -> Option<(String, String)> {
    let set = space.api::<StatefulSet>().get_opt(SET).await.unwrap()?;
    let claims = set.spec.clone()?.volume_claim_templates?;
    let size = claims.first()?.spec.clone()?.resources?.requests?.get("storage")?.0.clone();
    Some((set.uid()?, size))
}

async fn pod(space: &Space) -> String {
    space.api::<Pod>().get(&format!("{SET}-0")).await.unwrap().uid().unwrap()
}

#[tokio::test]
async fn a_claim_grows_and_its_stateful_set_is_made_anew_around_its_pod() {
    let space = Space::new("growing").await;
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": GROWS},
        "provisioner": "a-test", "allowVolumeExpansion": true,
    });
    let classes: Api<StorageClass> = Api::all(space.client.clone());
    classes.patch(GROWS, &PatchParams::apply("test").force(), &Patch::Apply(&class)).await.unwrap();

    let mut asked = spec();
    asked["postgres"] = json!({"managed": {"storage": {"size": "10Gi", "className": GROWS}}});
    space.apply(&asked).await;
    let operator = Operator::start(&space.name, Faults::none()).await;
    space.settled(&operator).await;
    bind(&space).await;
    // as after ten minutes
    let jobs = space.api::<Job>();
    jobs.delete_collection(&DeleteParams::background(), &ListParams::default()).await.unwrap();
    let (small, running) = (set(&space).await.unwrap().0, pod(&space).await);

    // the same size in other words
    asked["postgres"]["managed"]["storage"]["size"] = json!("10240Mi");
    space.apply(&asked).await;
    space.settled(&operator).await;
    assert_eq!(set(&space).await, Some((small.clone(), "10Gi".to_owned())), "nothing has grown");

    asked["postgres"]["managed"]["storage"]["size"] = json!("20Gi");
    space.apply(&asked).await;
    eventually_within(Duration::from_mins(1), "the StatefulSet is made anew", async || {
        let stack = space.api::<TrackloreStack>().get("demo").await.unwrap();
        let ready = stack.status?.conditions.into_iter().find(|condition| condition.type_ == "Ready")?;
        assert_eq!(ready.status, "True", "the stack serves all the time: {}", ready.message);
        let (uid, size) = set(&space).await?;
        (uid != small && size == "20Gi").then_some(())
    })
    .await;
    space.settled(&operator).await;

    let claim = space.api::<PersistentVolumeClaim>().get(CLAIM).await.unwrap();
    assert_eq!(claim.spec.unwrap().resources.unwrap().requests.unwrap()["storage"].0, "20Gi");
    assert_eq!(pod(&space).await, running, "the pod has run on");
    let owners = space.api::<Pod>().get(&format!("{SET}-0")).await.unwrap().owner_references().to_vec();
    assert_eq!(owners.first().map(|owner| owner.uid.clone()), set(&space).await.map(|(uid, _)| uid));
    assert_eq!(jobs.list(&ListParams::default()).await.unwrap().items, [], "nothing is prepared again");
}
