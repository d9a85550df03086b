//! Secrets that people give a stack, beside those that the operator makes: which there must be, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::{
    certificates,
    component::{Component, Service},
    plan::digest,
    source::ForeignDatabases,
    validate::ValidStack,
};
use crate::api::v1alpha1::SecretRef;

/// A Secret that a stack refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenSecret {
    /// Its name.
    pub name: String,
    /// The keys that it must have.
    pub keys: &'static [&'static str],
    /// The field that names it.
    pub field: String,
    /// What can't go on without it.
    pub component: Component,
}

/// A Secret or key that isn't there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What can't go on.
    pub component: Component,
    /// What to do.
    pub sentence: String,
}

const LOGIN: &[&str] = &["username", "password"];

/// What was seen of one, without its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GivenSeen {
    /// Its keys that have a value.
    pub keys: BTreeSet<String>,
    /// Hash of the content, for rolling pods.
    pub digest: String,
    /// The port of the address that it holds, if it does.
    pub port: Option<i32>,
    /// Until when the server's certificate is good that it holds, if it does.
    pub certificate_ends: Option<Timestamp>,
}

/// The Secrets that a stack refers to.
pub fn given(stack: &ValidStack) -> Vec<GivenSecret> {
    let mut all = Vec::new();
    let mut add = |component, field: &str, secret: &SecretRef, keys: &'static [&'static str]| {
        all.push(GivenSecret { name: secret.name.clone(), keys, field: field.to_owned(), component });
    };
    let auth = Component::Service(Service::Auth);
    if let Some(secret) = stack.mail.as_ref().and_then(|smtp| smtp.secret_ref.as_ref()) {
        add(auth, "mail.smtp.secretRef", secret, LOGIN);
    }
    if let Some(secret) = &stack.auth.first_administrator {
        add(auth, "auth.firstAdministrator", secret, &["username", "email", "password"]);
    }
    let tls = stack.gateway.as_ref().and_then(|gateway| gateway.tls.as_ref());
    if let Some(secret) = tls.and_then(|tls| tls.secret_ref.as_ref()) {
        add(Component::Gateway, "gateway.traefik.tls.secretRef", secret, &["tls.crt", "tls.key"]);
    }
    if let Some(postgres) = stack.postgres.external().filter(|it| it.cloud_native_pg().is_none()) {
        if let Some(secret) = postgres.tls.authority() {
            add(Component::Postgres, "postgres.external.tls.caSecretRef", secret, &["ca.crt"]);
        }
        match &postgres.databases {
            ForeignDatabases::Made(admin) => {
                add(Component::Postgres, "postgres.external.admin.secretRef", &admin.secret_ref, LOGIN);
            }
            ForeignDatabases::CloudNativePg(_) => {}
            ForeignDatabases::Given(given) => {
                for service in Service::WITH_DATABASE {
                    let Some(database) = given.get(service) else { continue };
                    let field = format!("postgres.external.databases.{}", service.as_str());
                    add(Component::Postgres, &format!("{field}.secretRef"), &database.secret_ref, LOGIN);
                    let migration = &database.migration_secret_ref;
                    add(Component::Postgres, &format!("{field}.migrationSecretRef"), migration, LOGIN);
                }
            }
        }
    }
    if let Some(kafka) = stack.kafka.external().filter(|it| it.strimzi.is_none()) {
        if let Some(secret) = kafka.tls.authority() {
            add(Component::Kafka, "kafka.external.tls.caSecretRef", secret, &["ca.crt"]);
        }
        if let Some(login) = &kafka.login {
            if let Some(secret) = &login.admin {
                add(Component::Kafka, "kafka.external.sasl.admin.secretRef", secret, LOGIN);
            }
            for service in Service::ALL {
                let Some(secret) = login.user(service) else { continue };
                let field = format!("kafka.external.sasl.users.{}.secretRef", service.as_str());
                add(Component::Kafka, &field, secret, LOGIN);
            }
        }
    }
    if let Some(redis) = stack.redis.external() {
        add(Component::Redis, "redis.external.urlSecretRef", &redis.url_secret_ref, &["uri"]);
        if let Some(secret) = &redis.ca_secret_ref {
            add(Component::Redis, "redis.external.caSecretRef", secret, &["ca.crt"]);
        }
    }
    let backup = stack.backup.as_ref().map(|it| ("backup", &it.key_secret_ref, "target", &it.target));
    let restore = stack.restore.as_ref().map(|it| ("restore", &it.key_secret_ref, "source", &it.source));
    for (field, key, place, shelf) in backup.into_iter().chain(restore) {
        add(Component::Backup, &format!("{field}.keySecretRef"), key, &["key"]);
        let Some(bucket) = &shelf.s3 else { continue };
        let login = &["access-key-id", "secret-access-key"];
        add(Component::Backup, &format!("{field}.{place}.s3.secretRef"), &bucket.secret_ref, login);
        if let Some(secret) = &bucket.ca_secret_ref {
            add(Component::Backup, &format!("{field}.{place}.s3.caSecretRef"), secret, &["ca.crt"]);
        }
    }
    all
}

/// The Secrets that other operators make for a stack: nobody is told to, they come in time.
pub fn made_by_others(stack: &ValidStack) -> Vec<String> {
    let postgres = stack.postgres.external().filter(|it| it.cloud_native_pg().is_some());
    let kafka = stack.kafka.external().filter(|it| it.strimzi.is_some());
    let authorities = [postgres.and_then(|it| it.tls.authority()), kafka.and_then(|it| it.tls.authority())];
    authorities.into_iter().flatten().map(|secret| secret.name.clone()).collect()
}

/// What is told of a Secret.
pub fn seen(secret: &Secret) -> GivenSeen {
    let filled = secret.data.iter().flatten().filter(|(_, value)| !value.0.is_empty());
    let uri = secret.data.iter().flatten().find(|(key, _)| *key == "uri");
    GivenSeen {
        keys: filled.map(|(key, _)| key.clone()).collect(),
        digest: digest(&secret.data),
        port: uri.and_then(|(_, uri)| port(std::str::from_utf8(&uri.0).ok()?)),
        certificate_ends: certificates::ends(secret),
    }
}

/// The port of an address such as `redis://user:password@host:6379/0`.
fn port(uri: &str) -> Option<i32> {
    let (_, rest) = uri.trim().split_once("://")?;
    let (authority, _) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => Some(6379),
    }
}

impl GivenSecret {
    /// What is missing of it among those that were seen, and what to do.
    pub fn lack(&self, seen: &BTreeMap<String, GivenSeen>) -> Option<String> {
        let Self { name, keys, field, .. } = self;
        let Some(there) = seen.get(name) else {
            let keys = keys.join(", ");
            return Some(format!(
                "{field} names Secret {name}, which isn't there; make it with the keys {keys}"
            ));
        };
        let lacking: Vec<_> = keys.iter().copied().filter(|key| !there.keys.contains(*key)).collect();
        (!lacking.is_empty())
            .then(|| format!("Secret {name} of {field} lacks {}; add what is missing", lacking.join(", ")))
    }
}

/// A sentence for each Secret or key that isn't there.
pub fn missing(stack: &ValidStack, seen: &BTreeMap<String, GivenSeen>) -> Vec<Missing> {
    let all = given(stack);
    let missing =
        |secret: &GivenSecret| Some(Missing { component: secret.component, sentence: secret.lack(seen)? });
    all.iter().filter_map(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::fixtures;

    #[test]
    fn a_secret_that_is_not_there_and_a_key_that_is_not_in_it_are_named() {
        let mut stack = fixtures::valid();
        stack.auth.first_administrator = Some(SecretRef { name: "root".into() });
        let missing = |stack: &ValidStack, seen: &BTreeMap<String, GivenSeen>| {
            let all = super::missing(stack, seen).into_iter();
            all.map(|missing| missing.sentence).collect::<Vec<_>>()
        };
        assert_eq!(
            missing(&stack, &BTreeMap::new()),
            [
                "auth.firstAdministrator names Secret root, which isn't there; make it with the keys username, email, password"
            ]
        );
        let data = |keys: &[&str]| {
            let filled = keys.iter().map(|key| ((*key).to_owned(), k8s_openapi::ByteString(b"x".to_vec())));
            BTreeMap::from([(
                "root".to_owned(),
                seen(&Secret { data: Some(filled.collect()), ..Secret::default() }),
            )])
        };
        assert_eq!(
            missing(&stack, &data(&["username"])),
            ["Secret root of auth.firstAdministrator lacks email, password; add what is missing"]
        );
        assert!(missing(&stack, &data(&["username", "email", "password"])).is_empty());
    }

    #[test]
    fn the_port_of_an_address_is_found_wherever_it_ends() {
        for (uri, expected) in [
            ("redis://user:pa:ss@host:6380/0", Some(6380)),
            ("rediss://host", Some(6379)),
            ("rediss://:secret@host?x=1", Some(6379)),
            ("redis://host:many", None),
            ("host:6379", None),
        ] {
            assert_eq!(port(uri), expected, "{uri}");
        }
    }
}
