//! What all pods have in common: they run as nobody, write nowhere but in their volumes, and hold no token.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, ConfigMapVolumeSource, Container, DownwardAPIProjection, DownwardAPIVolumeFile,
        EmptyDirVolumeSource, EnvVar, EnvVarSource, ExecAction, HTTPGetAction, KeyToPath,
        LocalObjectReference, ObjectFieldSelector, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
        ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretKeySelector, SecretProjection,
        SecretVolumeSource, SecurityContext, TCPSocketAction, Volume, VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{ObjectMeta, OwnerReference},
        util::intstr::IntOrString,
    },
};

use crate::{
    api::v1alpha1::Resources,
    stack::{component::Component, validate::ValidStack},
};

/// The annotation whose change rolls pods: a hash of the Secrets and ConfigMaps that they use.
pub const CONFIG_HASH: &str = "tracklore.io/config-hash";

/// What `kubectl logs` and `exec` pick where a pod is made of several containers.
pub fn metadata(stack: &ValidStack, name: &str, component: Component) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(stack.names.namespace.clone()),
        labels: Some(stack.names.labels(component)),
        owner_references: Some(vec![owner(stack)]),
        ..ObjectMeta::default()
    }
}

/// The reference that makes a child go with its stack.
pub fn owner(stack: &ValidStack) -> OwnerReference {
    OwnerReference {
        api_version: "tracklore.io/v1alpha1".into(),
        kind: "TrackloreStack".into(),
        name: stack.names.stack.clone(),
        uid: stack.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// A pod as `restricted` Pod Security wants it, running as `user`.
pub fn spec(stack: &ValidStack, user: i64, container: Container, volumes: Vec<Volume>) -> PodSpec {
    let pull_secrets: Vec<_> =
        stack.pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: (!pull_secrets.is_empty()).then_some(pull_secrets),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(user),
            run_as_group: Some(user),
            fs_group: Some(user),
            fs_group_change_policy: Some("OnRootMismatch".into()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        termination_grace_period_seconds: Some(30),
        containers: vec![Container {
            security_context: Some(restricted_container()),
            // So that a condition can tell why a container ended.
            termination_message_policy: Some("FallbackToLogsOnError".into()),
            ..container
        }],
        volumes: (!volumes.is_empty()).then_some(volumes),
        ..PodSpec::default()
    }
}

/// Lets a container run to its end before the others of a pod start.
pub fn begin_with(spec: &mut PodSpec, container: Container) {
    spec.init_containers.get_or_insert_default().push(Container {
        security_context: Some(restricted_container()),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        ..container
    });
}

/// What holds for every container of a stack.
pub fn restricted_container() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

/// A pod template that rolls when `config` changes.
pub fn template(labels: BTreeMap<String, String>, config: Option<String>, spec: PodSpec) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: config.map(|hash| BTreeMap::from([(CONFIG_HASH.to_owned(), hash)])),
            ..ObjectMeta::default()
        }),
        spec: Some(spec),
    }
}

/// A variable with a value.
pub fn env(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

/// A variable from a key of a Secret.
pub fn secret_env(name: &str, secret: impl Into<String>, key: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.into(),
                key: key.to_owned(),
                ..SecretKeySelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// The resources of the spec over the operator's own.
pub fn resources(asked: &Resources, requests: (&str, &str), memory_limit: &str) -> ResourceRequirements {
    let pick = |asked: Option<&crate::api::v1alpha1::Amount>, own: &str| {
        asked.map_or_else(|| Quantity(own.to_owned()), crate::api::v1alpha1::Amount::quantity)
    };
    let mut limits =
        BTreeMap::from([("memory".to_owned(), pick(asked.limits.memory.as_ref(), memory_limit))]);
    limits.extend(asked.limits.cpu.as_ref().map(|cpu| ("cpu".to_owned(), cpu.quantity())));
    ResourceRequirements {
        requests: Some(BTreeMap::from([
            ("cpu".to_owned(), pick(asked.requests.cpu.as_ref(), requests.0)),
            ("memory".to_owned(), pick(asked.requests.memory.as_ref(), requests.1)),
        ])),
        limits: Some(limits),
        ..ResourceRequirements::default()
    }
}

/// A place where a volume appears.
pub fn mount(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { name: volume.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// The same, for reading only.
pub fn read_only(volume: &str, path: &str) -> VolumeMount {
    VolumeMount { read_only: Some(true), ..mount(volume, path) }
}

/// An empty directory on disk.
pub fn scratch(name: &str, limit: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity(limit.to_owned())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// An empty directory in memory, for what must not reach a disk.
pub fn in_memory(name: &str, limit: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".into()),
            size_limit: Some(Quantity(limit.to_owned())),
        }),
        ..Volume::default()
    }
}

/// The files of a ConfigMap.
pub fn config_volume(name: &str, config_map: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map.to_owned(),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The files of a Secret.
pub fn secret_volume(name: &str, secret: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The files of several objects.
pub fn projected_volume(name: &str, sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: name.to_owned(),
        projected: Some(ProjectedVolumeSource { default_mode: Some(0o440), sources: Some(sources) }),
        ..Volume::default()
    }
}

/// An annotation of the pod, as this file.
pub fn projected_annotation(annotation: &str, path: &str) -> VolumeProjection {
    let file = DownwardAPIVolumeFile {
        path: path.to_owned(),
        field_ref: Some(ObjectFieldSelector {
            field_path: format!("metadata.annotations['{annotation}']"),
            ..ObjectFieldSelector::default()
        }),
        ..DownwardAPIVolumeFile::default()
    };
    VolumeProjection {
        downward_api: Some(DownwardAPIProjection { items: Some(vec![file]) }),
        ..VolumeProjection::default()
    }
}

/// Of a Secret these keys, and nothing else that somebody may put there.
pub fn projected_secret(name: &str, keys: &[&str]) -> VolumeProjection {
    let file =
        |key: &&str| KeyToPath { key: (*key).to_owned(), path: (*key).to_owned(), ..KeyToPath::default() };
    VolumeProjection {
        secret: Some(SecretProjection {
            name: name.to_owned(),
            items: Some(keys.iter().map(file).collect()),
            ..SecretProjection::default()
        }),
        ..VolumeProjection::default()
    }
}

/// When a probe runs, and how often it may fail.
#[derive(Clone, Copy)]
pub struct Timing {
    /// Seconds between two.
    pub every: i32,
    /// Seconds for an answer.
    pub timeout: i32,
    /// Failures in a row that count.
    pub failures: i32,
}

impl Timing {
    /// For a start that is quick as a rule and slow at worst.
    pub const STARTUP: Self = Self { every: 1, timeout: 2, failures: 120 };
    /// For turning traffic away soon.
    pub const READINESS: Self = Self { every: 3, timeout: 2, failures: 2 };
    /// The same where a command has to tell: the container's runtime starts a process for each, which takes a tenth of a second of
    /// processor time.
    pub const READINESS_BY_COMMAND: Self = Self { every: 10, timeout: 5, failures: 2 };
    /// For a restart only when nothing else helps.
    pub const LIVENESS: Self = Self { every: 10, timeout: 5, failures: 6 };
    /// The same where a command has to tell.
    pub const LIVENESS_BY_COMMAND: Self = Self { every: 30, timeout: 5, failures: 2 };

    fn probe(self) -> Probe {
        Probe {
            period_seconds: Some(self.every),
            timeout_seconds: Some(self.timeout),
            failure_threshold: Some(self.failures),
            ..Probe::default()
        }
    }

    /// A probe over HTTP.
    pub fn http(self, path: &str, port: &str) -> Probe {
        Probe {
            http_get: Some(HTTPGetAction {
                path: Some(path.to_owned()),
                port: IntOrString::String(port.to_owned()),
                ..HTTPGetAction::default()
            }),
            ..self.probe()
        }
    }

    /// A probe that runs a command.
    pub fn exec(self, command: &[&str]) -> Probe {
        Probe { exec: Some(ExecAction { command: Some(words(command)) }), ..self.probe() }
    }

    /// A probe that connects.
    pub fn tcp(self, port: &str) -> Probe {
        Probe {
            tcp_socket: Some(TCPSocketAction {
                port: IntOrString::String(port.to_owned()),
                ..TCPSocketAction::default()
            }),
            ..self.probe()
        }
    }
}

/// Owned words.
pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
