//! The certificates of those who sign for servers outside the stack: a file from a Secret, for each pod that connects.

use k8s_openapi::api::core::v1::{KeyToPath, SecretVolumeSource, Volume, VolumeMount};

use super::pod;
use crate::{
    api::v1alpha1::Shelf,
    stack::{component::Service, validate::ValidStack},
};

/// The key in a Secret, and the name of the file.
pub const KEY: &str = "ca.crt";

/// Who signs for a server.
pub struct Authority {
    volume: &'static str,
    secret: String,
}

impl Authority {
    /// Who signs for Postgres.
    pub fn postgres(stack: &ValidStack) -> Option<Self> {
        let secret = stack.postgres.external()?.tls.authority()?.name.clone();
        Some(Self { volume: "postgres-ca", secret })
    }

    /// Who signs for Kafka.
    pub fn kafka(stack: &ValidStack) -> Option<Self> {
        let secret = stack.kafka.external()?.tls.authority()?.name.clone();
        Some(Self { volume: "kafka-ca", secret })
    }

    /// Who signs for Redis.
    pub fn redis(stack: &ValidStack) -> Option<Self> {
        let secret = stack.redis.external()?.ca_secret_ref.as_ref()?.name.clone();
        Some(Self { volume: "redis-ca", secret })
    }

    /// Who signs for the S3 server that keeps copies.
    pub fn shelf(shelf: &Shelf) -> Option<Self> {
        let secret = shelf.s3.as_ref()?.ca_secret_ref.as_ref()?.name.clone();
        Some(Self { volume: "s3-ca", secret })
    }

    /// Who signs for what a service connects to.
    pub fn all(stack: &ValidStack, service: Service) -> Vec<Self> {
        let postgres = Self::postgres(stack).filter(|_| service.has_database());
        let redis = Self::redis(stack).filter(|_| service == Service::Feed);
        postgres.into_iter().chain(Self::kafka(stack)).chain(redis).collect()
    }

    /// The Secret that holds their certificates.
    pub fn secret(&self) -> String {
        self.secret.clone()
    }

    /// Where the file is.
    pub fn path(&self) -> String {
        format!("{}/{KEY}", self.folder())
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
                items: Some(vec![KeyToPath { key: KEY.into(), path: KEY.into(), mode: Some(0o440) }]),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        }
    }

    fn folder(&self) -> String {
        format!("/var/run/tracklore/{}", self.volume)
    }
}
