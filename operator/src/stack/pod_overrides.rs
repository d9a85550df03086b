//! Additions to the pods of a service, as a stack gives them: the types here are all that can be given. What makes a pod
//! `restricted`, and what the service itself is, can't be said in them.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Container, ContainerPort, EnvFromSource, EnvVar, HostAlias, Lifecycle, PodDNSConfig, PodSpec,
        PodTemplateSpec, Probe, ResourceRequirements, SecurityContext, Volume, VolumeMount,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{build, component::Service, reserved::is_reserved};
use crate::api::v1alpha1::{Untyped, untyped};

/// Where the operator puts what services read.
const OWN_FILES: &str = "/var/run/tracklore";
/// Sources of volumes that `restricted` Pod Security allows.
const VOLUMES: [&str; 9] = [
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Overrides {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Metadata {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Spec {
    volumes: Vec<Value>,
    init_containers: Vec<Addition>,
    containers: Vec<Addition>,
    dns_config: Option<Value>,
    dns_policy: Option<String>,
    host_aliases: Vec<Value>,
    termination_grace_period_seconds: Option<i64>,
    runtime_class_name: Option<String>,
    scheduler_name: Option<String>,
}

/// A container beside the service's, or what is added to the service's own.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Addition {
    name: String,
    env: Vec<Value>,
    env_from: Vec<Value>,
    volume_mounts: Vec<Value>,
    #[serde(flatten)]
    own: BTreeMap<String, Value>,
}

/// What only a container beside the service's can say.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Beside {
    image: Option<String>,
    command: Option<Vec<String>>,
    args: Option<Vec<String>>,
    working_dir: Option<String>,
    restart_policy: Option<String>,
    ports: Vec<Value>,
    resources: Option<Value>,
    lifecycle: Option<Value>,
    startup_probe: Option<Value>,
    readiness_probe: Option<Value>,
    liveness_probe: Option<Value>,
    security_context: Account,
}

/// Who a container beside the service's runs as; everything else of its security is the operator's.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Account {
    run_as_user: Option<i64>,
    run_as_group: Option<i64>,
    read_only_root_filesystem: Option<bool>,
}

/// Reads the additions to the pods of a service. Each error is a sentence.
pub fn read(service: Service, asked: &Untyped) -> Result<PodTemplateSpec, String> {
    let sentence = |error: String| format!("services.{}.podOverrides: {error}", service.as_str());
    let overrides = Overrides::deserialize(&asked.0).map_err(|error| sentence(error.to_string()))?;
    template(service, overrides).map_err(sentence)
}

fn template(service: Service, Overrides { metadata, spec }: Overrides) -> Result<PodTemplateSpec, String> {
    let taken = |keys: &BTreeMap<String, String>, prefix: &str| {
        keys.keys().find(|key| key.starts_with(prefix)).cloned()
    };
    let own = taken(&metadata.labels, "app.kubernetes.io/")
        .or_else(|| taken(&metadata.annotations, "tracklore.io/"));
    if let Some(key) = own {
        return Err(format!("{key} is the operator's; choose another key"));
    }
    let added = |additions: Vec<Addition>| {
        additions.into_iter().map(|addition| container(service, addition)).collect::<Result<Vec<_>, _>>()
    };
    let containers = added(spec.containers)?;
    let init_containers = added(spec.init_containers)?;
    if init_containers.iter().any(|container| container.name == service.as_str()) {
        return Err(format!("a container in initContainers can't be called {}", service.as_str()));
    }
    let volumes: Vec<_> = spec.volumes.iter().map(volume).collect::<Result<_, _>>()?;
    Ok(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: filled(metadata.labels),
            annotations: filled(metadata.annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers,
            init_containers: (!init_containers.is_empty()).then_some(init_containers),
            volumes: (!volumes.is_empty()).then_some(volumes),
            dns_config: one::<PodDNSConfig>(spec.dns_config.as_ref(), "dnsConfig")?,
            dns_policy: spec.dns_policy,
            host_aliases: many::<HostAlias>(&spec.host_aliases, "hostAliases")?,
            termination_grace_period_seconds: spec.termination_grace_period_seconds,
            runtime_class_name: spec.runtime_class_name,
            scheduler_name: spec.scheduler_name,
            ..PodSpec::default()
        }),
    })
}

fn container(service: Service, addition: Addition) -> Result<Container, String> {
    let Addition { name, env, env_from, volume_mounts, own } = addition;
    if name.is_empty() {
        return Err("a container has no name".to_owned());
    }
    let env = many::<EnvVar>(&env, "env")?;
    let volume_mounts = many::<VolumeMount>(&volume_mounts, "volumeMounts")?;
    let common = Container {
        name: name.clone(),
        env_from: many::<EnvFromSource>(&env_from, "envFrom")?,
        ..Container::default()
    };
    if name == service.as_str() {
        if let Some(field) = own.keys().next() {
            return Err(format!(
                "{field} of the container {name} can't be changed here; only env, envFrom and volumeMounts can be added, and services.{name} has image and resources"
            ));
        }
        if let Some(variable) = env.iter().flatten().find(|variable| is_reserved(&variable.name)) {
            return Err(format!("env sets {}, which the operator sets itself; remove it", variable.name));
        }
        if let Some(mount) =
            volume_mounts.iter().flatten().find(|mount| mount.mount_path.starts_with(OWN_FILES))
        {
            return Err(format!(
                "{} lies where the operator puts its own files; mount it elsewhere",
                mount.mount_path
            ));
        }
        return Ok(Container { env, volume_mounts, ..common });
    }
    let own = Value::Object(own.into_iter().collect());
    let beside = Beside::deserialize(own).map_err(|error| format!("container {name}: {error}"))?;
    let ports = many::<ContainerPort>(&beside.ports, "ports")?;
    if ports.iter().flatten().any(|port| port.host_port.is_some() || port.host_ip.is_some()) {
        return Err(format!("container {name} asks for a port of its node; leave hostPort and hostIP out"));
    }
    if beside.image.is_none() {
        return Err(format!("container {name} has no image"));
    }
    if beside.security_context.run_as_user == Some(0) {
        return Err(format!("container {name} would run as root; choose another runAsUser"));
    }
    Ok(Container {
        env,
        volume_mounts,
        image: beside.image,
        command: beside.command,
        args: beside.args,
        working_dir: beside.working_dir,
        restart_policy: beside.restart_policy,
        ports,
        resources: one::<ResourceRequirements>(beside.resources.as_ref(), "resources")?,
        lifecycle: one::<Lifecycle>(beside.lifecycle.as_ref(), "lifecycle")?,
        startup_probe: one::<Probe>(beside.startup_probe.as_ref(), "startupProbe")?,
        readiness_probe: one::<Probe>(beside.readiness_probe.as_ref(), "readinessProbe")?,
        liveness_probe: one::<Probe>(beside.liveness_probe.as_ref(), "livenessProbe")?,
        security_context: Some(SecurityContext {
            run_as_user: beside.security_context.run_as_user,
            run_as_group: beside.security_context.run_as_group,
            read_only_root_filesystem: Some(
                beside.security_context.read_only_root_filesystem.unwrap_or(true),
            ),
            ..build::restricted_container()
        }),
        ..common
    })
}

fn volume(asked: &Value) -> Result<Volume, String> {
    let volume: Volume = untyped::read(asked).map_err(|error| format!("volumes: {error}"))?;
    let name = &volume.name;
    let fields = asked.as_object().into_iter().flat_map(serde_json::Map::keys);
    if let Some(source) = fields.into_iter().find(|field| !VOLUMES.contains(&field.as_str())) {
        return Err(format!("volume {name} is a {source}, which restricted Pod Security doesn't allow"));
    }
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    if sources.into_iter().any(|source| source.service_account_token.is_some()) {
        return Err(format!("volume {name} asks for a token of the cluster; no pod of a stack holds one"));
    }
    if build::is_own_volume(name) {
        return Err(format!("a volume called {name} is the operator's; choose another name"));
    }
    Ok(volume)
}

fn one<T: DeserializeOwned + Serialize>(asked: Option<&Value>, field: &str) -> Result<Option<T>, String> {
    asked.map(|asked| untyped::read(asked).map_err(|error| format!("{field}: {error}"))).transpose()
}

fn many<T: DeserializeOwned + Serialize>(asked: &[Value], field: &str) -> Result<Option<Vec<T>>, String> {
    let read: Vec<T> = asked
        .iter()
        .map(|asked| untyped::read(asked).map_err(|error| format!("{field}: {error}")))
        .collect::<Result<_, _>>()?;
    Ok((!read.is_empty()).then_some(read))
}

fn filled(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(asked: Value) -> String {
        read(Service::Posts, &Untyped(asked)).unwrap_err()
    }

    #[test]
    fn what_would_loosen_the_pod_is_refused_with_a_sentence() {
        let beside = |container: Value| json!({"spec": {"containers": [container]}});
        for (asked, about) in [
            (json!({"spec": {"hostNetwork": true}}), "hostNetwork"),
            (json!({"spec": {"securityContext": {"runAsUser": 0}}}), "securityContext"),
            (json!({"spec": {"serviceAccountName": "admin"}}), "serviceAccountName"),
            (json!({"spec": {"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}}), "hostPath"),
            (
                json!({"spec": {"volumes": [{"name": "x", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]}}),
                "token of the cluster",
            ),
            (json!({"spec": {"volumes": [{"name": "clients", "emptyDir": {}}]}}), "is the operator's"),
            (json!({"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}), "is the operator's"),
            (beside(json!({"name": "posts", "image": "x:1"})), "image of the container posts"),
            (beside(json!({"name": "posts", "securityContext": {"privileged": true}})), "securityContext"),
            (beside(json!({"name": "posts", "env": [{"name": "TRACKLORE_DATABASE_URL"}]})), "remove it"),
            (
                beside(
                    json!({"name": "posts", "volumeMounts": [{"name": "x", "mountPath": "/var/run/tracklore/x"}]}),
                ),
                "mount it elsewhere",
            ),
            (
                beside(json!({"name": "x", "image": "x:1", "securityContext": {"privileged": true}})),
                "privileged",
            ),
            (beside(json!({"name": "x", "image": "x:1", "securityContext": {"runAsUser": 0}})), "as root"),
            (
                beside(json!({"name": "x", "image": "x:1", "ports": [{"containerPort": 1, "hostPort": 1}]})),
                "hostPort",
            ),
            (beside(json!({"name": "x"})), "no image"),
            (beside(json!({"name": "x", "image": "x:1", "livenesProbe": {}})), "livenesProbe"),
        ] {
            let refusal = refusal(asked);
            assert!(
                refusal.starts_with("services.posts.podOverrides: ") && refusal.contains(about),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_container_beside_the_service_is_as_restricted_as_the_service() {
        let asked = json!({"spec": {"containers": [{"name": "x", "image": "x:1", "securityContext": {"runAsUser": 7}}]}});
        let template = read(Service::Posts, &Untyped(asked)).unwrap();
        let context = template.spec.unwrap().containers.remove(0).security_context.unwrap();
        assert_eq!((context.run_as_user, context.allow_privilege_escalation), (Some(7), Some(false)));
        assert_eq!(context.read_only_root_filesystem, Some(true));
        assert_eq!(context.capabilities.unwrap().drop.unwrap(), ["ALL"]);
    }
}
