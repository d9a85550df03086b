//! Where a dependency comes from.

use super::component::{Component, Names, PerService, Service};
use crate::api::v1alpha1::{
    CloudNativePg, ClusterRef, Database, ExternalKafka, ExternalPostgres, ExternalRedis, KafkaUsers,
    ManagedKafka, ManagedPostgres, ManagedRedis, PostgresAdmin, PostgresCluster, SaslMechanism, SecretRef,
    Strimzi, Tls, TlsMode,
};

/// A dependency: one that the operator runs, or one that others do.
#[derive(Clone, Debug, PartialEq)]
pub enum Source<M, E> {
    /// The operator runs it.
    Managed(M),
    /// It is there, or another operator runs it.
    External(E),
}

impl<M, E> Source<M, E> {
    /// The one that is given; none where there isn't exactly one.
    pub fn of(managed: Option<M>, external: Option<E>) -> Option<Self> {
        match (managed, external) {
            (Some(managed), None) => Some(Self::Managed(managed)),
            (None, Some(external)) => Some(Self::External(external)),
            _ => None,
        }
    }

    /// The one that the operator runs.
    pub fn managed(&self) -> Option<&M> {
        match self {
            Self::Managed(managed) => Some(managed),
            Self::External(_) => None,
        }
    }

    /// The one that is there.
    pub fn external(&self) -> Option<&E> {
        match self {
            Self::Managed(_) => None,
            Self::External(external) => Some(external),
        }
    }
}

/// Where Postgres comes from.
pub type PostgresSource = Source<ManagedPostgres, ForeignPostgres>;
/// Where Kafka comes from.
pub type KafkaSource = Source<ManagedKafka, ForeignKafka>;
/// Where Redis comes from.
pub type RedisSource = Source<ManagedRedis, ExternalRedis>;

/// A Postgres that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignPostgres {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// How connections are protected.
    pub tls: Tls,
    /// Who makes the databases.
    pub databases: ForeignDatabases,
}

/// Who makes databases in a Postgres that is there.
#[derive(Clone, Debug, PartialEq)]
pub enum ForeignDatabases {
    /// A Job of ours, as this role.
    Made(PostgresAdmin),
    /// Nobody: they are there. Feed's has none.
    Given(Box<PerService<Option<Database>>>),
    /// CloudNativePG, by its own objects.
    CloudNativePg(Box<Delegation>),
}

/// What CloudNativePG does for a stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Delegation {
    /// The name of its `Cluster`.
    pub cluster: String,
    /// The `Cluster` itself, where it is the stack's own.
    pub own: Option<PostgresCluster>,
    /// What names of databases and roles begin with.
    pub name_prefix: String,
}

impl Delegation {
    fn of(names: &Names, asked: CloudNativePg) -> Option<Self> {
        match (asked.cluster, asked.cluster_ref) {
            (Some(own), None) => Some(Self {
                cluster: names.of(Component::Postgres),
                own: Some(own),
                name_prefix: "tracklore_".into(),
            }),
            (None, Some(ClusterRef { name, name_prefix })) => {
                Some(Self { cluster: name, own: None, name_prefix })
            }
            _ => None,
        }
    }

    /// The Secret with who signs for its instances, which CloudNativePG makes.
    pub fn authority(&self) -> String {
        format!("{}-ca", self.cluster)
    }
}

impl ForeignPostgres {
    /// From what a stack asks for; none where it doesn't say exactly one of both ways.
    pub fn of(asked: ExternalPostgres) -> Option<Self> {
        let ExternalPostgres { host, port, tls, admin, databases } = asked;
        let databases = match (admin, databases) {
            (Some(admin), None) => ForeignDatabases::Made(admin),
            (None, Some(given)) => ForeignDatabases::Given(Box::new(PerService {
                auth: Some(given.auth),
                user: Some(given.user),
                posts: Some(given.posts),
                feed: None,
            })),
            _ => return None,
        };
        Some(Self { host, port, tls, databases })
    }

    /// One that CloudNativePG runs; none where a stack doesn't say exactly one of both ways.
    pub fn of_cloud_native_pg(names: &Names, asked: CloudNativePg) -> Option<Self> {
        let delegation = Delegation::of(names, asked)?;
        Some(Self {
            host: format!("{}-rw.{}.svc", delegation.cluster, names.namespace),
            port: 5432,
            tls: Tls {
                mode: TlsMode::Required,
                ca_secret_ref: Some(SecretRef { name: delegation.authority() }),
            },
            databases: ForeignDatabases::CloudNativePg(Box::new(delegation)),
        })
    }

    /// What CloudNativePG does, where it is asked.
    pub fn cloud_native_pg(&self) -> Option<&Delegation> {
        match &self.databases {
            ForeignDatabases::CloudNativePg(delegation) => Some(delegation),
            ForeignDatabases::Made(_) | ForeignDatabases::Given(_) => None,
        }
    }

    /// The name of a service's database.
    pub fn database(&self, service: Service) -> String {
        match &self.databases {
            ForeignDatabases::Made(admin) => format!("{}{}", admin.name_prefix, service.as_str()),
            ForeignDatabases::CloudNativePg(delegation) => {
                format!("{}{}", delegation.name_prefix, service.as_str())
            }
            ForeignDatabases::Given(given) => {
                given.get(service).as_ref().map(|database| database.name.clone()).unwrap_or_default()
            }
        }
    }
}

/// A Kafka that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignKafka {
    /// Where clients begin.
    pub servers: Vec<String>,
    /// How connections are protected.
    pub tls: Tls,
    /// How clients say who they are, if they do.
    pub login: Option<ForeignLogin>,
    /// The name of the `Kafka`, where Strimzi runs it: it makes topics, rights and users.
    pub strimzi: Option<String>,
}

/// How clients of a Kafka that is there say who they are.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignLogin {
    /// By which mechanism.
    pub mechanism: SaslMechanism,
    /// Who may make topics, rights and users.
    pub admin: Option<SecretRef>,
    /// The users that are there; without them, they are made, by a Job as `admin` or by Strimzi.
    pub users: Option<KafkaUsers>,
}

impl ForeignKafka {
    /// From what a stack asks for; none where nobody could log in.
    pub fn of(asked: ExternalKafka) -> Option<Self> {
        let login = match asked.sasl {
            Some(sasl) if sasl.admin.is_none() && sasl.users.is_none() => return None,
            Some(sasl) => Some(ForeignLogin {
                mechanism: sasl.mechanism,
                admin: sasl.admin.map(|admin| admin.secret_ref),
                users: sasl.users,
            }),
            None => None,
        };
        Some(Self { servers: asked.bootstrap_servers, tls: asked.tls, login, strimzi: None })
    }

    /// One that Strimzi runs.
    pub fn of_strimzi(names: &Names, asked: Strimzi) -> Self {
        let cluster = asked.cluster_ref.name;
        let login = ForeignLogin { mechanism: SaslMechanism::ScramSha512, admin: None, users: None };
        Self {
            servers: vec![format!("{cluster}-kafka-bootstrap.{}.svc:{}", names.namespace, asked.port)],
            tls: Tls {
                mode: TlsMode::Required,
                ca_secret_ref: Some(SecretRef { name: format!("{cluster}-cluster-ca-cert") }),
            },
            login: Some(login),
            strimzi: Some(cluster),
        }
    }
}

impl ForeignLogin {
    /// The Secret of a service's user, where it is given.
    pub fn user(&self, service: Service) -> Option<&SecretRef> {
        let users = self.users.as_ref()?;
        let login = match service {
            Service::Auth => &users.auth,
            Service::User => &users.user,
            Service::Posts => &users.posts,
            Service::Feed => &users.feed,
        };
        Some(&login.secret_ref)
    }
}
