//! Whether there is storage for what keeps data: volumes for the claims, and where there are none yet, the classes they need.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, storage::v1::StorageClass};
use kube::{Api, ResourceExt, api::ListParams};
use tracklore_operator::{
    api::v1alpha1::TrackloreStackSpec,
    stack::component::{Component, Names},
};

use super::Finding;
use crate::{picture, target::Target};

/// What marks the default class; the second is older, and counts as well.
const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// By this, claims of CloudNativePG say whose they are.
const CLUSTER: &str = "cnpg.io/cluster";

/// Volumes that the spec asks for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// The field that does.
    field: &'static str,
    /// What runs on them.
    component: Component,
    /// Their class, where one is named.
    class: Option<&'a str>,
    /// How many there are to be.
    count: i32,
}

/// Whether all claims have volumes. Of those that lack one, whether there are the classes that the spec needs: what has its volume
/// needs a class no more.
pub async fn look(target: &Target) -> Vec<Finding> {
    let (spec, names) = (&target.stack.spec, target.stack_names());
    let claims = match claims(target, &names).await {
        Ok(claims) => claims,
        Err(error) => return vec![Finding::unread("the stack's claims", error)],
    };
    let mut found = bound(&claims, &target.namespace());
    let lacking = lacking(asked(spec), &claims, &names);
    if lacking.is_empty() {
        return found;
    }
    match Api::<StorageClass>::all(target.client.clone()).list(&ListParams::default()).await {
        Ok(classes) => found.extend(of(&lacking, &classes.items)),
        Err(error) => found.push(Finding::unread("StorageClasses", error)),
    }
    found
}

/// The claims of the stack, and those that CloudNativePG makes for it.
async fn claims(target: &Target, names: &Names) -> Result<Vec<PersistentVolumeClaim>, kube::Error> {
    let api = target.api::<PersistentVolumeClaim>();
    let mut claims = api.list(&target.parts()).await?.items;
    let delegated = target.stack.spec.postgres.cloud_native_pg.as_ref();
    if delegated.is_some_and(|asked| asked.cluster.is_some()) {
        let of_cluster = format!("{CLUSTER}={}", names.of(Component::Postgres));
        claims.extend(api.list(&ListParams::default().labels(&of_cluster)).await?.items);
    }
    Ok(claims)
}

fn asked(spec: &TrackloreStackSpec) -> Vec<Asked<'_>> {
    let asked = |field, component, count, class| Asked { field, component, class, count };
    let postgres = spec
        .postgres
        .managed
        .as_ref()
        .map(|it| asked("postgres.managed", Component::Postgres, 1, it.storage.class_name.as_deref()));
    let cluster = spec.postgres.cloud_native_pg.as_ref().and_then(|asked| asked.cluster.as_ref());
    let cluster = cluster.map(|it| {
        let class = it.storage.class_name.as_deref();
        asked("postgres.cloudNativePG.cluster", Component::Postgres, it.instances, class)
    });
    let kafka = spec
        .kafka
        .managed
        .as_ref()
        .map(|it| asked("kafka.managed", Component::Kafka, it.nodes, it.storage.class_name.as_deref()));
    let redis = spec
        .redis
        .managed
        .as_ref()
        .map(|it| asked("redis.managed", Component::Redis, 1, it.storage.class_name.as_deref()));
    [postgres, cluster, kafka, redis].into_iter().flatten().collect()
}

/// Those of which a claim has no volume, or isn't there yet.
fn lacking<'a>(asked: Vec<Asked<'a>>, claims: &[PersistentVolumeClaim], names: &Names) -> Vec<Asked<'a>> {
    let lacks = |asked: &Asked| {
        let (component, cluster) = (asked.component.as_str(), names.of(asked.component));
        let own = claims.iter().filter(|claim| {
            picture::component(*claim) == component || claim.labels().get(CLUSTER) == Some(&cluster)
        });
        let (bound, unbound): (Vec<_>, Vec<_>) = own.partition(|claim| is_bound(claim));
        !unbound.is_empty() || i32::try_from(bound.len()).is_ok_and(|bound| bound < asked.count)
    };
    asked.into_iter().filter(lacks).collect()
}

fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound")
}

fn of(asked: &[Asked], classes: &[StorageClass]) -> Vec<Finding> {
    let mut found = Vec::new();
    let without = asked.iter().filter(|asked| asked.class.is_none()).map(|asked| asked.field);
    let without: Vec<_> = without.collect();
    let is_default = |class: &&StorageClass| {
        let annotations = class.annotations();
        DEFAULT_CLASS.iter().any(|name| annotations.get(*name).is_some_and(|value| value == "true"))
    };
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
    for (field, class) in asked.iter().filter_map(|asked| Some((asked.field, asked.class?))) {
        if !classes.iter().any(|there| there.name_any() == class) {
            found.push(Finding::Wrong(format!(
                "{field}.storage.className names StorageClass {class}, which isn't there; make it, or volumes that name it, or make the stack anew with one of kubectl get storageclass"
            )));
        }
    }
    if found.is_empty() {
        found.push(Finding::Fine("the StorageClasses that the spec names are there".to_owned()));
    }
    found
}

fn bound(claims: &[PersistentVolumeClaim], namespace: &str) -> Vec<Finding> {
    let waiting = claims.iter().filter(|claim| !is_bound(claim));
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
    use crate::picture::COMPONENT;

    fn spec([postgres, kafka, redis]: [Value; 3]) -> TrackloreStackSpec {
        let spec = json!({"version": "0.1.0", "publicUrl": "http://localhost",
            "postgres": postgres, "kafka": kafka, "redis": redis});
        serde_json::from_value(spec).unwrap()
    }

    fn told(dependencies: [Value; 3], classes: &[(&str, bool)]) -> Vec<Finding> {
        let spec = spec(dependencies);
        let class = |(name, default): &(&str, bool)| {
            let annotation = DEFAULT_CLASS[name.len() % 2];
            let annotations = json!({annotation: default.to_string()});
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
        for class in ["fast", "older"] {
            assert!(matches!(&told([plain(), plain(), plain()], &[(class, true)])[..], [Finding::Fine(_)]));
        }
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

    fn claim(name: &str, label: &str, of: &str, phase: &str) -> PersistentVolumeClaim {
        let metadata = json!({"name": name, "labels": {label: of}});
        serde_json::from_value(json!({"metadata": metadata, "status": {"phase": phase}})).unwrap()
    }

    #[test]
    fn classes_are_looked_at_only_for_claims_that_have_no_volume() {
        let names = Names { stack: "demo".into(), namespace: "demo".into() };
        let lacks = |spec: &TrackloreStackSpec, claims: &[PersistentVolumeClaim]| {
            lacking(asked(spec), claims, &names).iter().map(|asked| asked.field).collect::<Vec<_>>()
        };
        let own = spec([managed("fast"), json!({"managed": {"nodes": 3}}), managed("fast")]);
        let all = ["postgres.managed", "kafka.managed", "redis.managed"];
        assert_eq!(lacks(&own, &[]), all, "none is there yet");
        let of = |component: &str, phase: &str| claim("a", COMPONENT, component, phase);
        let mut claims = vec![of("postgres", "Bound"), of("redis", "Pending")];
        claims.extend([of("kafka", "Bound"), of("kafka", "Bound")]);
        assert_eq!(lacks(&own, &claims), ["kafka.managed", "redis.managed"], "one of three isn't there");
        claims[1] = of("redis", "Bound");
        claims.push(of("kafka", "Bound"));
        assert!(lacks(&own, &claims).is_empty());

        let cluster = json!({"cloudNativePG": {"cluster": {"instances": 1}}});
        let delegated = spec([cluster, json!({}), json!({})]);
        assert_eq!(lacks(&delegated, &[]), ["postgres.cloudNativePG.cluster"]);
        assert!(lacks(&delegated, &[claim("a", CLUSTER, "demo-postgres", "Bound")]).is_empty());
    }

    #[test]
    fn a_claim_without_a_volume_is_named() {
        let claim = |name: &str, phase: &str| claim(name, COMPONENT, "redis", phase);
        let told = bound(&[claim("a", "Bound"), claim("b", "Pending")], "demo");
        assert_eq!(told, [Finding::Wrong("claim b has no volume; kubectl -n demo describe pvc b".into())]);
        assert!(bound(&[], "demo").is_empty());
    }
}
