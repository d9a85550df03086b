//! The certificates of those who sign for servers: a file from a Secret, for each pod that connects.

use k8s_openapi::api::core::v1::{KeyToPath, SecretVolumeSource, Volume, VolumeMount};

use super::{pod, secrets};
use crate::{
    api::v1alpha1::{SecretRef, Shelf},
    stack::{
        certificates::AUTHORITY,
        component::{Names, Service},
        validate::ValidStack,
    },
};

/// Who signs for a server.
#[derive(PartialEq)]
pub struct Authority {
    volume: &'static str,
    secret: String,
}

impl Authority {
    /// Who signs for the stack's own servers.
    pub fn stack(names: &Names) -> Self {
        Self { volume: "stack-ca", secret: secrets::trust(names) }
    }

    /// Who signs for Postgres.
    pub fn postgres(stack: &ValidStack) -> Option<Self> {
        match stack.postgres.external() {
            None => Some(Self::stack(&stack.names)),
            Some(external) => Self::given("postgres-ca", external.tls.authority()),
        }
    }

    /// Who signs for Kafka.
    pub fn kafka(stack: &ValidStack) -> Option<Self> {
        match stack.kafka.external() {
            None => Some(Self::stack(&stack.names)),
            Some(external) => Self::given("kafka-ca", external.tls.authority()),
        }
    }

    /// Who signs for Redis.
    pub fn redis(stack: &ValidStack) -> Option<Self> {
        match stack.redis.external() {
            None => Some(Self::stack(&stack.names)),
            Some(external) => Self::given("redis-ca", external.ca_secret_ref.as_ref()),
        }
    }

    /// Who signs for the S3 server that keeps copies.
    pub fn shelf(shelf: &Shelf) -> Option<Self> {
        Self::given("s3-ca", shelf.s3.as_ref()?.ca_secret_ref.as_ref())
    }

    /// Who signs for what a service connects to, other services among them.
    pub fn all(stack: &ValidStack, service: Service) -> Vec<Self> {
        let postgres = Self::postgres(stack).filter(|_| service.has_database());
        let redis = Self::redis(stack).filter(|_| service == Service::Feed);
        let mut all = vec![Self::stack(&stack.names)];
        for authority in postgres.into_iter().chain(Self::kafka(stack)).chain(redis) {
            if !all.contains(&authority) {
                all.push(authority);
            }
        }
        all
    }

    fn given(volume: &'static str, secret: Option<&SecretRef>) -> Option<Self> {
        Some(Self { volume, secret: secret?.name.clone() })
    }

    /// The Secret that holds their certificates.
    pub fn secret(&self) -> String {
        self.secret.clone()
    }

    /// Where the file is.
    pub fn path(&self) -> String {
        format!("{}/{AUTHORITY}", self.folder())
    }

    /// What brings it there.
    pub fn mount(&self) -> VolumeMount {
        pod::read_only(self.volume, &self.folder())
    }

    /// The file, and nothing else that the Secret may hold.
    pub fn volume(&self) -> Volume {
        Volume {
            name: self.volume.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(self.secret.clone()),
                items: Some(vec![KeyToPath {
                    key: AUTHORITY.into(),
                    path: AUTHORITY.into(),
                    mode: Some(0o440),
                }]),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    fn folder(&self) -> String {
        format!("/var/run/tracklore/{}", self.volume)
    }
}
