//! What brings a copy back into a new stack: a Job that fetches the sealed Secrets, before anything else is made; one that puts
//! the dumps into the empty databases, before they are migrated; and one for each service that tells others of what it
//! has, once it is migrated.

use k8s_openapi::api::core::v1::Container;

use super::{
    authority::Authority,
    job::{self, HashedJob},
    login, pod, postgres,
    service_deployment::USER,
    service_env, shelf,
};
use crate::{
    api::v1alpha1::{Resources, Restore},
    stack::{
        component::{Component, Names, Service},
        observed::Observed,
        plan::{GeneratedSecret, Origin, Restored, digest, short},
        validate::ValidStack,
    },
};

/// The Secrets that open what is in the databases, without the stack's name. All others are as good when they are made anew.
pub const KEYS: [&str; 2] = ["auth-session-key", "auth-signing-keys"];
/// The Job that fetches them, sealed.
pub const FETCH_KEYS: &str = "restore-keys";
/// The Job that fills the databases.
pub const FILL: &str = "restore";
/// Those who publish the state that others hold parts of.
pub const TELLERS: [Service; 2] = [Service::Auth, Service::User];

/// The Secrets of a stack that begins with a copy: those that aren't there yet come from it.
pub fn from_copy(
    stack: &ValidStack,
    restore: &Restore,
    observed: &Observed,
    all: Vec<GeneratedSecret>,
) -> Vec<GeneratedSecret> {
    let comes = |secret: &GeneratedSecret| {
        let name = KEYS.into_iter().find(|name| stack.names.child(name) == secret.name)?;
        (!observed.secrets.contains_key(&secret.name)).then(|| {
            Origin::Copy(observed.seal.as_ref().map(|seal| Restored {
                seal: seal.clone(),
                name: name.to_owned(),
                key_secret: restore.key_secret_ref.name.clone(),
            }))
        })
    };
    all.into_iter()
        .map(|secret| match comes(&secret) {
            Some(origin) => GeneratedSecret { origin, ..secret },
            None => secret,
        })
        .collect()
}

/// The Job that fetches the sealed Secrets and says what they are in its last words, where the operator reads them.
pub fn keys_job(stack: &ValidStack, restore: &Restore) -> HashedJob {
    let fetch =
        shelf::container(stack, &restore.source, &folder(&stack.names, restore), "seal", vec![copy(restore)]);
    let spec = pod::spec(stack, postgres::USER, fetch, shelf::volumes(stack, &restore.source));
    once(restore, job::job(stack, Component::Backup, FETCH_KEYS, &[], 600, spec))
}

/// The Job that fetches the dumps and puts them into the databases.
pub fn data_job(stack: &ValidStack, restore: &Restore, observed: &Observed) -> HashedJob {
    let fetch = shelf::container(
        stack,
        &restore.source,
        &folder(&stack.names, restore),
        "fetch",
        vec![copy(restore)],
    );
    let fill = shelf::tools(stack, observed, "restore", include_str!("provision/restore.sh"));
    let mut volumes = shelf::volumes(stack, &restore.source);
    volumes.extend(Authority::postgres(stack).map(|authority| authority.volume()));
    let mut spec = pod::spec(stack, postgres::USER, fill, volumes);
    pod::begin_with(&mut spec, fetch);
    once(restore, job::job(stack, Component::Backup, FILL, &[], 6 * 3600, spec))
}

/// The Job that puts the present state of all that a service has into its outbox.
pub fn republish_job(
    stack: &ValidStack,
    restore: &Restore,
    observed: &Observed,
    service: Service,
) -> HashedJob {
    let authority = Authority::postgres(stack);
    let container = Container {
        name: "republish".into(),
        image: Some(stack.images.services.get(service).clone()),
        args: Some(pod::words(&["republish"])),
        env: Some(service_env::database(
            stack,
            service,
            "TRACKLORE_DATABASE",
            &login::runtime(stack, observed, service),
        )),
        volume_mounts: authority.as_ref().map(|authority| vec![authority.mount()]),
        resources: Some(pod::resources(&Resources::default(), ("20m", "32Mi"), "128Mi")),
        ..Container::default()
    };
    let spec = pod::spec(stack, USER, container, authority.iter().map(Authority::volume).collect());
    let purpose = format!("{}-republish", service.as_str());
    once(restore, job::job(stack, Component::Service(service), &purpose, &[], 3600, spec))
}

/// What has run for a copy needn't run again for other images.
fn once(restore: &Restore, job: HashedJob) -> HashedJob {
    HashedJob { hash: short(&digest(restore)), ..job }
}

fn folder(names: &Names, restore: &Restore) -> String {
    let given = restore.stack.as_ref();
    let namespace = given.and_then(|stack| stack.namespace.as_ref()).unwrap_or(&names.namespace);
    format!("{namespace}/{}", given.map_or(&names.stack, |stack| &stack.name))
}

fn copy(restore: &Restore) -> k8s_openapi::api::core::v1::EnvVar {
    pod::env("TRACKLORE_BACKUP_COPY", restore.copy.clone())
}
