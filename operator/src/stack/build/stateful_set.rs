//! StatefulSets and the claims of their pods.

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec},
        core::v1::{
            PersistentVolumeClaim, PersistentVolumeClaimSpec, PodTemplateSpec, VolumeResourceRequirements,
        },
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};

use super::{pod, spread};
use crate::{
    api::v1alpha1::{Amount, DeletionPolicy},
    stack::{component::Component, observed::Workload, validate::ValidStack},
};

/// Name of the volume that outlives the pod.
pub const DATA: &str = "data";

/// The volume asked for.
pub struct Volume<'a> {
    /// Its size.
    pub size: &'a Amount,
    /// Its class.
    pub class: Option<&'a str>,
}

/// A StatefulSet.
///
/// The size in its claim template can't change once it exists, so the size it was made with stays until it is made anew.
pub fn stateful_set(
    stack: &ValidStack,
    component: Component,
    replicas: i32,
    service: &str,
    volume: &Volume<'_>,
    existing: Option<&Workload>,
    mut template: PodTemplateSpec,
) -> StatefulSet {
    let size =
        existing.and_then(|set| set.storage.clone()).unwrap_or_else(|| volume.size.as_str().to_owned());
    let spread_out = replicas > 1 || stack.placement(component).spread.is_some();
    if let Some(pod) = template.spec.as_mut().filter(|_| spread_out) {
        pod.topology_spread_constraints = spread::constraints(stack, component);
    }
    let when_deleted = match stack.deletion_policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    StatefulSet {
        metadata: pod::metadata(stack, &stack.names.of(component), component),
        spec: Some(StatefulSetSpec {
            replicas: Some(replicas),
            service_name: Some(service.to_owned()),
            // Nodes of a cluster need one another to become ready.
            pod_management_policy: Some("Parallel".into()),
            selector: LabelSelector {
                match_labels: Some(stack.names.selector(component)),
                ..LabelSelector::default()
            },
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: Some(when_deleted.into()),
                when_scaled: Some("Retain".into()),
            }),
            volume_claim_templates: Some(vec![PersistentVolumeClaim {
                metadata: ObjectMeta {
                    name: Some(DATA.into()),
                    labels: Some(stack.names.labels(component)),
                    ..ObjectMeta::default()
                },
                spec: Some(PersistentVolumeClaimSpec {
                    access_modes: Some(vec!["ReadWriteOnce".into()]),
                    storage_class_name: volume.class.map(str::to_owned),
                    resources: Some(requests(&size)),
                    ..PersistentVolumeClaimSpec::default()
                }),
                ..PersistentVolumeClaim::default()
            }]),
            template,
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// The sizes of the claims. They are asked for as soon as the claims are surely there, since claims may have been left, smaller,
/// by an earlier stack; and at once where the StatefulSet was made with another size: a full volume keeps its pod from being ready.
pub fn claims(
    stack: &ValidStack,
    component: Component,
    replicas: i32,
    volume: &Volume<'_>,
    existing: Option<&Workload>,
) -> Vec<PersistentVolumeClaim> {
    let asked = |set: &Workload| {
        let other_size = set.storage.as_deref().is_some_and(|size| size != volume.size.as_str());
        other_size || set.ready >= replicas
    };
    if !existing.is_some_and(asked) {
        return Vec::new();
    }
    let set = stack.names.of(component);
    (0..replicas)
        .map(|ordinal| PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(format!("{DATA}-{set}-{ordinal}")),
                namespace: Some(stack.names.namespace.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(PersistentVolumeClaimSpec {
                resources: Some(requests(volume.size.as_str())),
                ..PersistentVolumeClaimSpec::default()
            }),
            ..PersistentVolumeClaim::default()
        })
        .collect()
}

/// Whether these claims are larger than those a StatefulSet was made for. Sizes are compared as numbers: the API server writes
/// them in its own way.
pub fn is_outgrown(existing: &Workload, claims: &[PersistentVolumeClaim]) -> bool {
    let asked = claims.first().and_then(|claim| {
        let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
        Amount::new(requests.get("storage")?.0.clone()).bytes()
    });
    let made_for = existing.storage.clone().and_then(|size| Amount::new(size).bytes());
    made_for.zip(asked).is_some_and(|(made_for, asked)| made_for < asked)
}

fn requests(size: &str) -> VolumeResourceRequirements {
    VolumeResourceRequirements {
        requests: Some([("storage".to_owned(), Quantity(size.to_owned()))].into()),
        ..VolumeResourceRequirements::default()
    }
}
