//! `tracklore.io/v1alpha1`: types only. What they mean is decided in [`crate::stack`].

mod amount;
pub mod crd;
pub mod gateway;
pub mod kafka;
pub mod mail;
pub mod postgres;
pub mod redis;
pub mod reference;
pub mod security;
pub mod spec;
pub mod status;

pub use amount::Amount;
pub use gateway::{
    ExternalTrafficPolicy, Gateway, GatewayService, GatewayServiceType, GatewayTls, RateLimit, Traefik,
};
pub use kafka::{Kafka, ManagedKafka, TopicOverride};
pub use mail::{Mail, SecretRef, Smtp, SmtpTls};
pub use postgres::{ManagedPostgres, Postgres};
pub use redis::{ManagedRedis, Redis, RedisStorage};
pub use security::{NetworkPolicyMode, Security};
pub use spec::{
    Auth, DeletionPolicy, EmailVerification, EnvVar, ImageOverride, Images, PullSecret, ReplaceableImage,
    ResourceAmounts, Resources, ServiceSettings, Services, Storage, TrackloreStack, TrackloreStackSpec,
};
pub use status::{CompletedJob, TrackloreStackStatus};
