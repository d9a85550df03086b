//! `tracklore.io/v1alpha1`: types only. What they mean is decided in [`crate::stack`].

mod amount;
pub mod auth;
pub mod backup;
pub mod cloud_native_pg;
pub mod crd;
pub mod gateway;
pub mod gateway_api;
pub mod images;
pub mod kafka;
pub mod mail;
pub mod observability;
pub mod postgres;
pub mod redis;
pub mod reference;
pub mod resources;
pub mod rollout;
pub mod scheduling;
pub mod security;
pub mod services;
pub mod spec;
pub mod status;
pub mod tls;
pub mod untyped;

pub use amount::Amount;
pub use auth::{Auth, EmailVerification, SigningKeys};
pub use backup::{Backup, Bucket, ClaimRef, Restore, Shelf, StackRef};
pub use cloud_native_pg::{
    CloudNativePg, ClusterRef, Durability, PluginBackup, PostgresCluster, SynchronousReplication,
};
pub use gateway::{
    ExternalTrafficPolicy, Gateway, GatewayService, GatewayServiceType, GatewayTls, Ingress, RateLimit,
    SelfSigned, Traefik,
};
pub use gateway_api::{GatewayApi, ParentRef};
pub use images::{ImageOverride, Images, PullSecret, ReplaceableImage};
pub use kafka::{
    ExternalKafka, Kafka, KafkaLogin, KafkaRef, KafkaUsers, ManagedKafka, Sasl, SaslMechanism, Strimzi,
    TopicOverride,
};
pub use mail::{Mail, SecretRef, Smtp, SmtpTls};
pub use observability::{Observability, Tracing};
pub use postgres::{Database, Databases, ExternalPostgres, ManagedPostgres, Postgres, PostgresAdmin};
pub use redis::{ExternalRedis, ManagedRedis, Redis, RedisStorage};
pub use resources::{ResourceAmounts, Resources, Storage};
pub use rollout::{Contract, ContractPolicy, Rollout};
pub use scheduling::{Scheduling, TaintEffect, Toleration, TolerationOperator};
pub use security::{NetworkPolicyMode, Rotation, Security};
pub use services::{Autoscaling, EnvVar, ServiceSettings, Services};
pub use spec::{DeletionPolicy, TrackloreStack, TrackloreStackSpec};
pub use status::{CompletedJob, ServedImage, TrackloreStackStatus};
pub use tls::{Tls, TlsMode};
pub use untyped::Untyped;
