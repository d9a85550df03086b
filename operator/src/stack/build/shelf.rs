//! The program that moves copies between a pod and where they are kept, and how it gets there.

use k8s_openapi::api::core::v1::{Container, EnvVar, PersistentVolumeClaimVolumeSource, Volume, VolumeMount};

use super::{authority::Authority, login, pod, postgres};
use crate::{
    api::v1alpha1::{Bucket, Resources, SecretRef, Shelf},
    stack::{component::Service, observed::Observed, validate::ValidStack},
};

/// Where the containers of a pod hand dumps to each other.
const DUMPS: &str = "dumps";
/// Where a volume with copies appears.
const FOLDER: &str = "/shelf";

/// A container that runs `command` of the program on the copies of `stack_folder`, which is `<namespace>/<stack>`.
pub fn container(
    stack: &ValidStack,
    shelf: &Shelf,
    stack_folder: &str,
    command: &str,
    env: Vec<EnvVar>,
) -> Container {
    let mut all = vec![pod::env("TRACKLORE_BACKUP_STACK", stack_folder)];
    let mut mounts = vec![pod::mount(DUMPS, "/dumps")];
    if shelf.claim.is_some() {
        all.push(pod::env("TRACKLORE_BACKUP_SHELF", format!("file://{FOLDER}")));
        mounts.push(pod::mount("shelf", FOLDER));
    }
    if let Some(bucket) = &shelf.s3 {
        all.extend(bucket_env(bucket));
    }
    if let Some(authority) = Authority::shelf(shelf) {
        all.push(pod::env("TRACKLORE_BACKUP_S3_CA_FILE", authority.path()));
        mounts.push(authority.mount());
    }
    all.extend(env);
    Container {
        name: command.to_owned(),
        image: Some(stack.images.backup.clone()),
        args: Some(pod::words(&[command])),
        env: Some(all),
        resources: Some(pod::resources(&Resources::default(), ("20m", "32Mi"), "256Mi")),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn bucket_env(bucket: &Bucket) -> Vec<EnvVar> {
    let secret = &bucket.secret_ref.name;
    let mut env = vec![
        pod::env("TRACKLORE_BACKUP_SHELF", format!("s3://{}/{}", bucket.bucket, bucket.prefix)),
        pod::env("TRACKLORE_BACKUP_S3_REGION", bucket.region.clone()),
        pod::secret_env("TRACKLORE_BACKUP_S3_ACCESS_KEY_ID", secret, "access-key-id"),
        pod::secret_env("TRACKLORE_BACKUP_S3_SECRET_ACCESS_KEY", secret, "secret-access-key"),
    ];
    let endpoint = bucket.endpoint.as_ref();
    env.extend(endpoint.map(|endpoint| pod::env("TRACKLORE_BACKUP_S3_ENDPOINT", endpoint.clone())));
    env
}

/// The volumes that [`container`] and [`tools`] use. Dumps are compressed: they take no more room than the data.
pub fn volumes(stack: &ValidStack, shelf: &Shelf) -> Vec<Volume> {
    let size = stack.postgres.managed().map_or("10Gi", |managed| managed.storage.size.as_str());
    let claim = shelf.claim.as_ref().map(|claim| Volume {
        name: "shelf".into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.name.clone(),
            read_only: None,
        }),
        ..Volume::default()
    });
    let authority = Authority::shelf(shelf).map(|authority| authority.volume());
    [pod::scratch(DUMPS, size), pod::in_memory("tmp", "4Mi")]
        .into_iter()
        .chain(claim)
        .chain(authority)
        .collect()
}

/// A container that runs a script of Postgres' own tools on the dumps, with the logins of the databases' owners. Its pod has a
/// volume of [`Authority::postgres`] besides.
pub fn tools(stack: &ValidStack, observed: &Observed, name: &str, script: &str) -> Container {
    let mut env = postgres::client(stack);
    let mut mounts = vec![pod::mount(DUMPS, "/dumps"), pod::mount("tmp", "/tmp")];
    mounts.extend(Authority::postgres(stack).map(|authority| authority.mount()));
    for service in Service::WITH_DATABASE {
        let login = login::migration(stack, observed, service);
        let prefix = service.capitals();
        env.push(login.env(&format!("{prefix}_USERNAME"), "username"));
        env.push(login.env(&format!("{prefix}_PASSWORD"), "password"));
    }
    Container {
        name: name.to_owned(),
        image: Some(stack.images.postgres.clone()),
        command: Some(pod::words(&["/bin/sh", "-euc", script])),
        env: Some(env),
        resources: Some(pod::resources(&Resources::default(), ("50m", "64Mi"), "512Mi")),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

/// What seals and opens.
pub fn key(secret: &SecretRef) -> EnvVar {
    pod::secret_env("TRACKLORE_BACKUP_KEY", &secret.name, "key")
}

/// A Secret of the stack as files, for the program to seal.
pub fn sealed(volume: &str, secret: &str) -> (Volume, VolumeMount) {
    (pod::secret_volume(volume, secret), pod::read_only(volume, &format!("/secrets/{volume}")))
}
