//! The Job that makes databases and roles, with psql; where they are given, it looks whether they can be reached, and where
//! CloudNativePG makes them, it grants what happens inside of them.

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVar};

use super::{
    authority::Authority,
    cloud_native_pg::cluster_id,
    config_map,
    job::{self, HashedJob},
    login, pod, postgres, secrets,
};
use crate::stack::{
    component::{Component, Service},
    observed::Observed,
    source::{ForeignDatabases, ForeignPostgres, Source},
    validate::ValidStack,
};

const COMPONENT: Component = Component::Postgres;
const PURPOSE: &str = "postgres-provision";
/// Postgres may just be starting. When that takes too long, psql says what is wrong.
const SCRIPT: &str = "patience=60; until pg_isready --quiet || [ $patience = 0 ]; do patience=$((patience - 1)); sleep 1; done; \
     exec psql --no-psqlrc --file=/etc/tracklore/postgres.sql";

/// What it runs.
pub fn config(stack: &ValidStack) -> ConfigMap {
    let name = stack.names.child(PURPOSE);
    let sql = || ("postgres.sql", include_str!("provision/postgres.sql").to_owned());
    let grants = || ("grants.sql", include_str!("provision/grants.sql").to_owned());
    let admit = || ("admit.sql", include_str!("provision/admit.sql").to_owned());
    let script = || ("prepare.sh", include_str!("provision/postgres.sh").to_owned());
    match &stack.postgres {
        Source::Managed(_) => config_map::config_map(stack, &name, COMPONENT, [sql(), grants()]),
        Source::External(_) => {
            config_map::config_map(stack, &name, COMPONENT, [sql(), grants(), admit(), script()])
        }
    }
}

/// The Job. `credentials` is a hash of the passwords that it sets or uses.
pub fn job(stack: &ValidStack, observed: &Observed, config: &ConfigMap, credentials: &str) -> HashedJob {
    let authority = Authority::postgres(stack);
    let (command, env) = match &stack.postgres {
        Source::Managed(_) => (vec!["/bin/sh", "-ec", SCRIPT], own(stack, observed)),
        Source::External(external) => {
            (vec!["/bin/sh", "/etc/tracklore/prepare.sh"], foreign(stack, observed, external))
        }
    };
    let env = [postgres::client(stack), env].concat();
    let mut mounts = vec![pod::read_only("config", "/etc/tracklore"), pod::mount("tmp", "/tmp")];
    let mut volumes =
        vec![pod::config_volume("config", &stack.names.child(PURPOSE)), pod::in_memory("tmp", "4Mi")];
    mounts.extend(authority.iter().map(Authority::mount));
    volumes.extend(authority.iter().map(Authority::volume));
    let container = Container {
        name: "psql".into(),
        image: Some(stack.images.postgres.clone()),
        command: Some(pod::words(&command)),
        env: Some(env),
        resources: Some(pod::resources(
            &crate::api::v1alpha1::Resources::default(),
            ("20m", "32Mi"),
            "128Mi",
        )),
        volume_mounts: Some(mounts),
        ..Container::default()
    };
    let spec = pod::spec(stack, postgres::USER, container, volumes);
    let files = config_map::files_digest(config);
    // Another Cluster under the same name is empty.
    let cluster = stack.postgres.external().and_then(|external| external.cloud_native_pg());
    let cluster =
        cluster.and_then(|asked| observed.seen.get(&cluster_id(asked))).map(|seen| seen.uid.as_str());
    let inputs: Vec<_> = [files.as_str(), credentials].into_iter().chain(cluster).collect();
    job::job(stack, COMPONENT, PURPOSE, &inputs, 600, spec)
}

/// The Secrets that the Job sets or uses.
pub fn secrets_used(stack: &ValidStack) -> Vec<String> {
    let names = &stack.names;
    let mut used: Vec<_> = match stack.postgres.external().map(|external| &external.databases) {
        None => vec![secrets::postgres_superuser(names)],
        Some(ForeignDatabases::Made(admin)) => vec![admin.secret_ref.name.clone()],
        Some(ForeignDatabases::Given(_) | ForeignDatabases::CloudNativePg(_)) => Vec::new(),
    };
    for service in Service::WITH_DATABASE {
        used.extend([secrets::database_login(stack, service), secrets::migration_login(stack, service)]);
    }
    // it is the first one to connect, and services wait until it could
    used.extend(Authority::postgres(stack).map(|authority| authority.secret()));
    used
}

/// What the Job is told of the server that the operator runs.
fn own(stack: &ValidStack, observed: &Observed) -> Vec<EnvVar> {
    let superuser = secrets::postgres_superuser(&stack.names);
    let mut env = vec![
        pod::env("PGUSER", "postgres"),
        pod::env("PGDATABASE", "postgres"),
        pod::secret_env("PGPASSWORD", superuser, "password"),
    ];
    env.extend(logins(stack, observed, &["PASSWORD"]));
    env
}

/// What the Job is told of a server that is there.
fn foreign(stack: &ValidStack, observed: &Observed, external: &ForeignPostgres) -> Vec<EnvVar> {
    let mut env = Vec::new();
    match &external.databases {
        ForeignDatabases::Made(admin) => {
            let secret = &admin.secret_ref.name;
            env.extend([
                pod::env("PGDATABASE", admin.database.clone()),
                pod::secret_env("PGUSER", secret, "username"),
                pod::secret_env("PGPASSWORD", secret, "password"),
                pod::env("NAME_PREFIX", admin.name_prefix.clone()),
                pod::env("STACK", format!("{}/{}", stack.names.namespace, stack.names.stack)),
            ]);
            env.extend(logins(stack, observed, &["PASSWORD"]));
        }
        ForeignDatabases::Given(_) | ForeignDatabases::CloudNativePg(_) => {
            env.push(pod::env("SERVICES", Service::WITH_DATABASE.map(Service::capitals).join(" ")));
            env.extend(Service::WITH_DATABASE.map(|service| {
                pod::env(&format!("{}_DATABASE", service.capitals()), external.database(service))
            }));
            env.extend(logins(stack, observed, &["USERNAME", "PASSWORD"]));
            env.extend(external.cloud_native_pg().map(|_| pod::env("GRANT", "yes")));
        }
    }
    env
}

/// Parts of the logins of services and migrations.
fn logins(stack: &ValidStack, observed: &Observed, parts: &[&str]) -> Vec<EnvVar> {
    let variables = |(name, login): (String, login::Reference)| {
        parts
            .iter()
            .map(move |part| login.env(&format!("{name}_{part}"), &part.to_lowercase()))
            .collect::<Vec<_>>()
    };
    login::provisioned(stack, observed).into_iter().flat_map(variables).collect()
}
