//! Whether there is storage for what keeps data: the classes that the spec needs, and volumes for the claims.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass};
use kube::{Api, Client, ResourceExt, api::ListParams};
use tracklore_operator::api::v1alpha1::TrackloreStackSpec;

use super::Finding;
use crate::{Error, target::Target};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// A volume that the spec asks for: the field that names its class, and the class, where it does.
type Asked<'a> = (&'static str, Option<&'a str>);

/// Whether there are the classes that the spec needs. Where nothing is kept in volumes, there is nothing to say.
pub async fn class(client: &Client, spec: &TrackloreStackSpec) -> Vec<Finding> {
    let asked = asked(spec);
    if asked.is_empty() {
        return Vec::new();
    }
    match Api::<StorageClass>::all(client.clone()).list(&ListParams::default()).await {
        Ok(classes) => of(&asked, &classes.items),
        Err(_) => {
            vec![Finding::Unknown("you may not list StorageClasses, so they aren't checked".to_owned())]
        }
    }
}

fn asked(spec: &TrackloreStackSpec) -> Vec<Asked<'_>> {
    let cluster = spec.postgres.cloud_native_pg.as_ref().and_then(|asked| asked.cluster.as_ref());
    let all = [
        ("postgres.managed", spec.postgres.managed.as_ref().map(|it| &it.storage.class_name)),
        ("postgres.cloudNativePG.cluster", cluster.map(|it| &it.storage.class_name)),
        ("kafka.managed", spec.kafka.managed.as_ref().map(|it| &it.storage.class_name)),
        ("redis.managed", spec.redis.managed.as_ref().map(|it| &it.storage.class_name)),
    ];
    all.into_iter().filter_map(|(field, class)| Some((field, class?.as_deref()))).collect()
}

fn of(asked: &[Asked], classes: &[StorageClass]) -> Vec<Finding> {
    let mut found = Vec::new();
    let without: Vec<_> =
        asked.iter().filter(|(_, class)| class.is_none()).map(|(field, _)| *field).collect();
    let is_default =
        |class: &&StorageClass| class.annotations().get(DEFAULT_CLASS).is_some_and(|value| value == "true");
    match classes.iter().find(is_default) {
        _ if without.is_empty() => {}
        Some(class) => found.push(Finding::Fine(format!(
            "claims that name no class get storage of class {}",
            class.name_any()
        ))),
        None => found.push(Finding::Wrong(format!(
            "no StorageClass is the default, and {} names none; make one the default, or set storage.className of it",
            without.join(", ")
        ))),
    }
    for (field, class) in asked.iter().filter_map(|(field, class)| Some((field, (*class)?))) {
        if !classes.iter().any(|there| there.name_any() == class) {
            found.push(Finding::Wrong(format!(
                "{field}.storage.className names StorageClass {class}, which isn't there; make it, or make the stack anew with one of kubectl get storageclass"
            )));
        }
    }
    if found.is_empty() {
        found.push(Finding::Fine("the StorageClasses that the spec names are there".to_owned()));
    }
    found
}

/// Whether the claims have volumes.
pub async fn claims(target: &Target) -> Result<Vec<Finding>, Error> {
    let claims = target.api::<PersistentVolumeClaim>().list(&target.parts()).await?.items;
    Ok(bound(&claims, &target.namespace()))
}

fn bound(claims: &[PersistentVolumeClaim], namespace: &str) -> Vec<Finding> {
    let phase = |claim: &PersistentVolumeClaim| claim.status.as_ref().and_then(|status| status.phase.clone());
    let waiting = claims.iter().filter(|claim| phase(claim).as_deref() != Some("Bound"));
    let wrong: Vec<_> = waiting
        .map(ResourceExt::name_any)
        .map(|name| {
            Finding::Wrong(format!("claim {name} has no volume; kubectl -n {namespace} describe pvc {name}"))
        })
        .collect();
    if wrong.is_empty() && !claims.is_empty() {
        return vec![Finding::Fine(format!("all {} claims have their volumes", claims.len()))];
    }
    wrong
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(dependencies: [Value; 3], classes: &[(&str, bool)]) -> Vec<Finding> {
        let [postgres, kafka, redis] = dependencies;
        let spec = json!({"version": "0.1.0", "publicUrl": "http://localhost",
            "postgres": postgres, "kafka": kafka, "redis": redis});
        let spec: TrackloreStackSpec = serde_json::from_value(spec).unwrap();
        let class = |(name, default): &(&str, bool)| {
            let annotations = json!({DEFAULT_CLASS: default.to_string()});
            let class = json!({"metadata": {"name": name, "annotations": annotations}, "provisioner": "p"});
            serde_json::from_value(class).unwrap()
        };
        let asked = asked(&spec);
        if asked.is_empty() { Vec::new() } else { of(&asked, &classes.iter().map(class).collect::<Vec<_>>()) }
    }

    fn managed(class: &str) -> Value {
        json!({"managed": {"storage": {"className": class}}})
    }

    #[test]
    fn a_default_class_is_missed_only_where_something_needs_it() {
        let plain = || json!({"managed": {}});
        let foreign = || json!({});
        let missed = told([managed("fast"), plain(), plain()], &[("fast", false)]);
        let Some(Finding::Wrong(sentence)) = missed.first() else { panic!("{missed:?}") };
        assert!(sentence.contains("kafka.managed, redis.managed names none"), "{sentence}");
        assert!(matches!(&told([plain(), plain(), plain()], &[("fast", true)])[..], [Finding::Fine(_)]));
        let named = told([managed("fast"), managed("fast"), managed("fast")], &[("fast", false)]);
        assert!(matches!(&named[..], [Finding::Fine(_)]), "{named:?}");
        assert_eq!(told([foreign(), foreign(), foreign()], &[]), []);
    }

    #[test]
    fn a_class_that_is_named_and_is_not_there_is_wrong() {
        let told = told([managed("fast"), managed("slow"), json!({})], &[("slow", false)]);
        let [Finding::Wrong(sentence)] = &told[..] else { panic!("{told:?}") };
        assert!(
            sentence.starts_with("postgres.managed.storage.className names StorageClass fast"),
            "{sentence}"
        );
    }

    #[test]
    fn a_claim_without_a_volume_is_named() {
        let claim = |name: &str, phase: &str| {
            serde_json::from_value(json!({"metadata": {"name": name}, "status": {"phase": phase}})).unwrap()
        };
        let told = bound(&[claim("a", "Bound"), claim("b", "Pending")], "demo");
        assert_eq!(told, [Finding::Wrong("claim b has no volume; kubectl -n demo describe pvc b".into())]);
        assert!(bound(&[], "demo").is_empty());
    }
}
