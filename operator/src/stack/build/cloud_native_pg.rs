//! What CloudNativePG is asked for: a `Cluster` where the stack has its own, and in each the same roles and databases that
//! `provision/postgres.sql` makes elsewhere. Privileges inside a database aren't CloudNativePG's matter: a Job grants them.

use k8s_openapi::api::core::v1::{LocalObjectReference, PodSpec};

use super::{
    login::Reference,
    pod::{self, owner},
    secrets,
};
use crate::{
    api::{
        cloud_native_pg::{
            Bootstrap, Cluster, ClusterSpec, Database, DatabaseRole, DatabaseRoleSpec, DatabaseSpec, InitDb,
            Placing, Plugin, PluginConfiguration, ScheduledBackup, ScheduledBackupSpec, Settings,
            StorageConfiguration, Synchronous,
        },
        v1alpha1::{DeletionPolicy, Durability, PostgresCluster, SynchronousReplication},
    },
    stack::{
        component::{Component, Service},
        logins::Turn,
        observed::{ChildId, Kind, Observed},
        plan::Child,
        source::Delegation,
        validate::ValidStack,
    },
};

const COMPONENT: Component = Component::Postgres;

/// The label of all pods of a `Cluster`.
pub const CLUSTER: &str = "cnpg.io/cluster";
/// Where CloudNativePG asks an instance how it is.
pub const STATUS_PORT: i32 = 8000;
/// Where an instance tells its metrics.
pub const METRICS_PORT: i32 = 9187;

/// Which `Cluster` holds the databases.
pub fn cluster_id(asked: &Delegation) -> ChildId {
    ChildId { kind: Kind::Cluster, name: asked.cluster.clone() }
}

/// The `Cluster`.
pub fn cluster(stack: &ValidStack, asked: &Delegation, own: &PostgresCluster) -> Cluster {
    let mut metadata = pod::metadata(stack, &asked.cluster, COMPONENT);
    // It holds the data: by default it outlives its stack.
    metadata.owner_references = (stack.deletion_policy == DeletionPolicy::Delete).then(|| vec![owner(stack)]);
    let mut placed = PodSpec::default();
    let placement = stack.placements.get(&COMPONENT);
    if let Some(placement) = placement {
        placement.place(&mut placed);
    }
    let affinity = placed.affinity.unwrap_or_default();
    Cluster {
        metadata,
        spec: ClusterSpec {
            instances: own.instances,
            image_name: own.image.clone().unwrap_or_else(|| stack.images.cloud_native_pg.clone()),
            image_pull_secrets: stack.pull_secrets.iter().map(reference).collect(),
            bootstrap: Bootstrap {
                initdb: InitDb {
                    encoding: "UTF8".into(),
                    locale_provider: "builtin".into(),
                    builtin_locale: "C.UTF-8".into(),
                    locale_collate: "C.UTF-8".into(),
                    locale_ctype: "C.UTF-8".into(),
                },
            },
            postgresql: Settings {
                parameters: own.parameters.clone(),
                synchronous: own.synchronous.as_ref().map(synchronous),
            },
            storage: StorageConfiguration {
                size: own.storage.size.as_str().to_owned(),
                storage_class: own.storage.class_name.clone(),
            },
            resources: pod::resources(&own.resources, ("100m", "256Mi"), "1Gi"),
            affinity: Placing {
                node_selector: placed.node_selector.unwrap_or_default(),
                tolerations: placed.tolerations.unwrap_or_default(),
                node_affinity: affinity.node_affinity,
                additional_pod_affinity: affinity.pod_affinity,
                additional_pod_anti_affinity: affinity.pod_anti_affinity,
            },
            topology_spread_constraints: placement.and_then(|it| it.spread.clone()).unwrap_or_default(),
            // Services keep their connections open: whoever waits for them to leave only takes longer to switch over.
            smart_shutdown_timeout: 1,
            priority_class_name: placed.priority_class_name,
            plugins: own
                .backup
                .iter()
                .map(|backup| Plugin {
                    name: backup.plugin.clone(),
                    is_wal_archiver: true,
                    parameters: backup.parameters.clone(),
                })
                .collect(),
        },
    }
}

fn synchronous(asked: &SynchronousReplication) -> Synchronous {
    Synchronous {
        method: "any".into(),
        number: asked.standbys,
        data_durability: match asked.durability {
            Durability::Required => "required".into(),
            Durability::Preferred => "preferred".into(),
        },
    }
}

/// When copies are made.
pub fn scheduled_backup(
    stack: &ValidStack,
    asked: &Delegation,
    own: &PostgresCluster,
) -> Option<ScheduledBackup> {
    let backup = own.backup.as_ref()?;
    Some(ScheduledBackup {
        metadata: pod::metadata(stack, &asked.cluster, COMPONENT),
        spec: ScheduledBackupSpec {
            cluster: reference(&asked.cluster),
            // CloudNativePG writes the second first.
            schedule: match backup.schedule.strip_prefix('@') {
                Some(_) => backup.schedule.clone(),
                None => format!("0 {}", backup.schedule),
            },
            method: "plugin".into(),
            plugin_configuration: PluginConfiguration { name: backup.plugin.clone() },
            // A copy is kept for as long as its Cluster.
            backup_owner_reference: "cluster".into(),
        },
    })
}

/// The roles and databases, in the order in which they can be made.
pub fn roles_and_databases(stack: &ValidStack, observed: &Observed, asked: &Delegation) -> Vec<Child> {
    let databases = Databases { stack, observed, asked };
    Service::WITH_DATABASE.into_iter().flat_map(|service| databases.of(service)).collect()
}

struct Databases<'a> {
    stack: &'a ValidStack,
    observed: &'a Observed,
    asked: &'a Delegation,
}

impl Databases<'_> {
    /// The database of a service, after its owner and those who log in to it. The runtime role is called like the database.
    fn of(&self, service: Service) -> Vec<Child> {
        let runtime = format!("{}{}", self.asked.name_prefix, service.as_str());
        let (owner, migration) = (format!("{runtime}_owner"), format!("{runtime}_migration"));
        let object = self.stack.names.child(&format!("postgres-{}", service.as_str()));
        let mut children = vec![self.role(&format!("{object}-owner"), owner.clone(), None, Vec::new())];
        // the second has the rights of the first
        let may = |turn| if turn == Turn::First { Vec::new() } else { vec![runtime.clone()] };
        children.extend(self.logins(&secrets::database_login(self.stack, service), &runtime, may));
        let acts_as = |_| vec![owner.clone()];
        children.extend(self.logins(&secrets::migration_login(self.stack, service), &migration, acts_as));
        children.push(Child::from(Database {
            metadata: pod::metadata(self.stack, &object, COMPONENT),
            spec: DatabaseSpec {
                cluster: reference(&self.asked.cluster),
                name: runtime,
                owner,
                template: "template0".into(),
                encoding: "UTF8".into(),
                database_reclaim_policy: self.reclaim_policy(),
            },
        }));
        children
    }

    /// The roles that take turns with the logins of a Secret. One whose turn it isn't stays, and nobody can log in as it: without
    /// its object it could stay as it was.
    fn logins(&self, login: &str, first: &str, in_roles: impl Fn(Turn) -> Vec<String>) -> Vec<Child> {
        let there: Vec<_> =
            Reference::all(self.observed, login).into_iter().map(|login| login.turn).collect();
        let is_known = |turn: &Turn| {
            let id = ChildId { kind: Kind::DatabaseRole, name: turn.name(login) };
            *turn == Turn::First || there.contains(turn) || self.observed.seen.contains_key(&id)
        };
        let role = |turn: Turn| {
            let object = turn.name(login);
            let password = there.contains(&turn).then(|| object.clone());
            self.role(&object, turn.role(first), password, in_roles(turn))
        };
        Turn::BOTH.into_iter().filter(is_known).map(role).collect()
    }

    /// A role; nobody can log in as one without a Secret with its password.
    fn role(&self, object: &str, name: String, password: Option<String>, in_roles: Vec<String>) -> Child {
        Child::from(DatabaseRole {
            metadata: pod::metadata(self.stack, object, COMPONENT),
            spec: DatabaseRoleSpec {
                cluster: reference(&self.asked.cluster),
                name,
                login: password.is_some(),
                in_roles,
                password_secret: password.map(reference),
                database_role_reclaim_policy: self.reclaim_policy(),
            },
        })
    }

    fn reclaim_policy(&self) -> String {
        match self.stack.deletion_policy {
            DeletionPolicy::Retain => "retain".into(),
            DeletionPolicy::Delete => "delete".into(),
        }
    }
}

fn reference(name: impl AsRef<str>) -> LocalObjectReference {
    LocalObjectReference { name: name.as_ref().to_owned() }
}
