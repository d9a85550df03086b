//! What a platform engineer can ask of a stack beside that it runs: to rest, to be left alone, to scale, to run elsewhere.

use std::time::Duration;

use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{PersistentVolumeClaim, Pod, Service},
    policy::v1::PodDisruptionBudget,
    storage::v1::StorageClass,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use reqwest::Method;
use serde_json::{Value, json};
use tracklore_e2e::{Person, TestStack, condition};
use tracklore_testkit::eventually_within;

use crate::{client, gateway, name};

/// What a stack takes for another state.
pub const PATIENCE: Duration = Duration::from_mins(4);
/// A storage class whose claims may ask for more; that of the cluster's own refuses it.
const GROWING: &str = "tracklore-test-growing";

async fn replicas(client: &Client, stack: &TestStack, service: &str) -> Option<i32> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stack.namespace);
    let deployment = deployments.get(&format!("{}-{service}", stack.name)).await.unwrap();
    deployment.spec.and_then(|spec| spec.replicas)
}

/// Waits until a condition has this reason for the present generation.
pub async fn told(client: &Client, stack: &TestStack, kind: &str, reason: &str) {
    let what = format!("{kind} has the reason {reason}");
    eventually_within(PATIENCE, &what, async || {
        let stack = stack.stacks(client).get(&stack.name).await.ok()?;
        let found = condition(&stack, kind)?;
        let present = found["observedGeneration"].as_i64() == stack.metadata.generation;
        (present && found["reason"] == json!(reason)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stack_rests_is_left_alone_scales_and_drops_what_is_no_longer_asked_for() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "options").await;
    let mut spec = stack.spec();
    // What a pod may be given, and where it may run.
    spec["services"]["posts"]["podOverrides"] = json!({
        "metadata": {"annotations": {"example.org/team": "posts"}},
        "spec": {
            "containers": [{"name": "posts", "volumeMounts": [{"name": "room", "mountPath": "/room"}]}],
            "volumes": [{"name": "room", "emptyDir": {}}]
        }
    });
    spec["services"]["posts"]["scheduling"] = json!({
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "example.org/none", "operator": "Exists"}],
        "topologySpreadConstraints": []
    });
    allow_claims_to_grow(&client).await;
    spec["postgres"]["managed"]["storage"]["className"] = json!(GROWING);
    stack.apply(&client, &spec).await.unwrap();
    stack.wait_until_ready(&client).await;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stack.namespace);
    let posts = deployments.get("options-posts").await.unwrap().spec.unwrap().template;
    assert_eq!(posts.metadata.unwrap().annotations.unwrap()["example.org/team"], "posts");
    assert_eq!(posts.spec.unwrap().node_selector.unwrap()["kubernetes.io/os"], "linux");
    let ada = Person::sign_up(&stack.url(&client).await, &name("ada")).await;

    a_topic_grows(&client, &stack, &mut spec).await;
    a_claim_grows(&client, &stack, &mut spec).await;
    rests(&client, &stack, &spec, &ada).await;
    is_left_alone(&client, &stack, &spec).await;
    scales(&client, &stack, &spec).await;

    gateway::by_https(&client, &stack, &mut spec).await;
    gateway::by_those_of_the_cluster(&client, &stack, &mut spec).await;
    stack.discard(&client).await;
}

/// Another Job provisions Kafka, and the one that is outdated goes at once.
async fn a_topic_grows(client: &Client, stack: &TestStack, spec: &mut Value) {
    let provisioning = async || {
        let jobs = stack.list::<Job>(client).await.into_iter().map(|job| job.name_any());
        jobs.filter(|name| name.contains("kafka")).collect::<Vec<_>>()
    };
    let before = provisioning().await;
    assert_eq!(before.len(), 1, "{before:?}");
    spec["kafka"]["topics"] = json!([{"name": "posts-events", "partitions": 6}]);
    stack.apply(client, spec).await.unwrap();
    eventually_within(PATIENCE, "another Job provisions Kafka", async || {
        let now = provisioning().await;
        (now.len() == 1 && now != before).then_some(())
    })
    .await;
    stack.wait_until_ready(client).await;
}

async fn allow_claims_to_grow(client: &Client) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": GROWING, "labels": {"tracklore.io/test": "true"}},
        "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true
    });
    let classes: Api<StorageClass> = Api::all(client.clone());
    classes.patch(GROWING, &PatchParams::apply("end-to-end-test"), &Patch::Apply(&class)).await.unwrap();
}

/// More is asked for of the claim, and of those to come; the pod runs on meanwhile. (That the volume then grows is the storage's
/// part, and this cluster's can't.)
async fn a_claim_grows(client: &Client, stack: &TestStack, spec: &mut Value) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &stack.namespace);
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &stack.namespace);
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &stack.namespace);
    let asked = |claim: &PersistentVolumeClaim| {
        let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
        Some(requests.get("storage")?.0.clone())
    };
    let before = pods.get("options-postgres-0").await.unwrap();
    let set = sets.get("options-postgres").await.unwrap();
    spec["postgres"]["managed"]["storage"]["size"] = json!("2Gi");
    stack.apply(client, spec).await.unwrap();
    eventually_within(PATIENCE, "the claim and those to come ask for more", async || {
        let claim = claims.get("data-options-postgres-0").await.ok()?;
        let set = sets.get("options-postgres").await.ok()?;
        let template = set.spec?.volume_claim_templates?.into_iter().next()?;
        (asked(&claim)? == "2Gi" && asked(&template)? == "2Gi").then_some(())
    })
    .await;
    assert_ne!(
        sets.get("options-postgres").await.unwrap().uid(),
        set.uid(),
        "a template of claims can't change"
    );
    stack.wait_until_ready(client).await;
    let after = pods.get("options-postgres-0").await.unwrap();
    assert_eq!(after.uid(), before.uid(), "the pod runs on");
    assert!(after.metadata.deletion_timestamp.is_none());
}

async fn rests(client: &Client, stack: &TestStack, spec: &Value, ada: &Person) {
    let mut suspended = spec.clone();
    suspended["suspended"] = json!(true);
    stack.apply(client, &suspended).await.unwrap();
    told(client, stack, "Ready", "Suspended").await;
    told(client, stack, "Progressing", "Suspended").await;
    for service in ["auth", "user", "posts", "feed", "gateway"] {
        assert_eq!(replicas(client, stack, service).await, Some(0), "{service}");
    }
    stack.apply(client, spec).await.unwrap();
    stack.wait_until_ready(client).await;
    eventually_within(PATIENCE, "who was there before is there again", async || {
        let answer =
            tracklore_testkit::Answer::attempt(ada.request(Method::GET, "/v1/auth/me")).await.ok()?;
        // Her token may have expired meanwhile; then she is known all the same.
        [200, 401].contains(&answer.status).then_some(())
    })
    .await;
}

async fn is_left_alone(client: &Client, stack: &TestStack, spec: &Value) {
    let services: Api<Service> = Api::namespaced(client.clone(), &stack.namespace);
    let mut paused = spec.clone();
    paused["paused"] = json!(true);
    paused["services"]["user"]["replicas"] = json!(2);
    stack.apply(client, &paused).await.unwrap();
    told(client, stack, "Progressing", "Paused").await;
    services.delete("options-user", &DeleteParams::default()).await.unwrap();
    // The operator looks at what happened, and does nothing: a change that it tells of comes after the one it doesn't heal.
    let scale = json!({"spec": {"replicas": 0}});
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stack.namespace);
    deployments.patch("options-feed", &PatchParams::default(), &Patch::Merge(&scale)).await.unwrap();
    told(client, stack, "Progressing", "Paused").await;
    assert!(services.get_opt("options-user").await.unwrap().is_none());
    assert_eq!(replicas(client, stack, "user").await, Some(1));

    paused["paused"] = json!(false);
    stack.apply(client, &paused).await.unwrap();
    stack.wait_until_ready(client).await;
    eventually_within(PATIENCE, "what was changed is healed, what was asked for is done", async || {
        let healed = services.get_opt("options-user").await.ok()?.is_some();
        let feed = replicas(client, stack, "feed").await == Some(1);
        (healed && feed && replicas(client, stack, "user").await == Some(2)).then_some(())
    })
    .await;
}

async fn scales(client: &Client, stack: &TestStack, spec: &Value) {
    let mut autoscaled = spec.clone();
    autoscaled["services"]["user"]["autoscaling"] = json!({"minReplicas": 1, "maxReplicas": 3});
    stack.apply(client, &autoscaled).await.unwrap();
    eventually_within(PATIENCE, "there is an autoscaler", async || {
        (stack.list::<HorizontalPodAutoscaler>(client).await.len() == 1).then_some(())
    })
    .await;
    told(client, stack, "Progressing", "Settled").await;
    assert_eq!(
        replicas(client, stack, "user").await,
        Some(2),
        "handing over doesn't change the number of pods"
    );
    let budgets = stack.list::<PodDisruptionBudget>(client).await;
    assert_eq!(budgets.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["options-user"]);

    stack.apply(client, spec).await.unwrap();
    eventually_within(PATIENCE, "the autoscaler is gone, and the number is that of the spec", async || {
        let gone = stack.list::<HorizontalPodAutoscaler>(client).await.is_empty();
        (gone && replicas(client, stack, "user").await == Some(1)).then_some(())
    })
    .await;
}
