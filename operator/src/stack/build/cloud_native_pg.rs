//! What CloudNativePG is asked for: a `Cluster` where the stack has its own, and in each the same roles and databases that
//! `provision/postgres.sql` makes elsewhere. Privileges inside a database aren't CloudNativePG's matter: a Job grants them.

use std::collections::BTreeSet;

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
    let reclaim = match stack.deletion_policy {
        DeletionPolicy::Retain => "retain",
        DeletionPolicy::Delete => "delete",
    };
    let name = |service: Service| format!("{}{}", asked.name_prefix, service.as_str());
    let role = |object: &str, role: String, password: Option<String>, in_roles: Vec<String>| {
        Child::from(DatabaseRole {
            metadata: pod::metadata(stack, object, COMPONENT),
            spec: DatabaseRoleSpec {
                cluster: reference(&asked.cluster),
                name: role,
                login: password.is_some(),
                in_roles,
                password_secret: password.as_ref().map(reference),
                database_role_reclaim_policy: reclaim.into(),
            },
        })
    };
    let is_there =
        |name: &str| observed.seen.contains_key(&ChildId { kind: Kind::DatabaseRole, name: name.to_owned() });
    // One whose turn it isn't stays, and nobody can log in as it: without its object it could stay as it was.
    let logins = |login: String, first: String, second_is_in: Vec<String>, first_is_in: Vec<String>| {
        let there: BTreeSet<_> =
            Reference::all(observed, &login).into_iter().map(|login| login.turn).collect();
        let known = [(Turn::First, first_is_in), (Turn::Second, second_is_in)].into_iter();
        known
            .map(|(turn, in_roles)| (turn, turn.name(&login), in_roles))
            .filter(|(turn, object, _)| there.contains(turn) || *turn == Turn::First || is_there(object))
            .map(|(turn, secret, in_roles)| {
                role(&secret, turn.role(&first), there.contains(&turn).then_some(secret.clone()), in_roles)
            })
            .collect::<Vec<_>>()
    };
    let of = |service: Service| {
        let (runtime, owner) = (name(service), format!("{}_owner", name(service)));
        let database = stack.names.child(&format!("postgres-{}", service.as_str()));
        let mut children = vec![role(&format!("{database}-owner"), owner.clone(), None, Vec::new())];
        let login = secrets::database_login(stack, service);
        children.extend(logins(login, runtime.clone(), vec![runtime.clone()], Vec::new()));
        let (login, acts_as) = (secrets::migration_login(stack, service), vec![owner.clone()]);
        children.extend(logins(login, format!("{runtime}_migration"), acts_as.clone(), acts_as));
        children.push(Child::from(Database {
            metadata: pod::metadata(stack, &database, COMPONENT),
            spec: DatabaseSpec {
                cluster: reference(&asked.cluster),
                name: runtime,
                owner,
                template: "template0".into(),
                encoding: "UTF8".into(),
                database_reclaim_policy: reclaim.into(),
            },
        }));
        children
    };
    Service::WITH_DATABASE.into_iter().flat_map(of).collect()
}

fn reference(name: impl AsRef<str>) -> LocalObjectReference {
    LocalObjectReference { name: name.as_ref().to_owned() }
}
