//! Secrets that people give a stack, beside those that the operator makes: which there must be, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Secret;

use super::{
    component::{Component, Service},
    plan::digest,
    validate::ValidStack,
};

/// A Secret that a stack refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenSecret {
    /// Its name.
    pub name: String,
    /// The keys that it must have.
    pub keys: &'static [&'static str],
    /// The field that names it.
    pub field: &'static str,
    /// Whose pods need it.
    pub component: Component,
}

/// What was seen of one, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenSeen {
    /// Its keys that have a value.
    pub keys: BTreeSet<String>,
    /// Hash of the content, for rolling pods.
    pub digest: String,
}

/// The Secrets that a stack refers to.
pub fn given(stack: &ValidStack) -> Vec<GivenSecret> {
    let smtp = stack.mail.as_ref().and_then(|smtp| smtp.secret_ref.as_ref()).map(|secret| GivenSecret {
        name: secret.name.clone(),
        keys: &["username", "password"],
        field: "mail.smtp.secretRef",
        component: Component::Service(Service::Auth),
    });
    let administrator = stack.auth.first_administrator.as_ref().map(|secret| GivenSecret {
        name: secret.name.clone(),
        keys: &["username", "email", "password"],
        field: "auth.firstAdministrator",
        component: Component::Service(Service::Auth),
    });
    let tls = stack.gateway.as_ref().and_then(|gateway| gateway.tls.as_ref()).map(|tls| GivenSecret {
        name: tls.secret_ref.name.clone(),
        keys: &["tls.crt", "tls.key"],
        field: "gateway.traefik.tls.secretRef",
        component: Component::Gateway,
    });
    smtp.into_iter().chain(administrator).chain(tls).collect()
}

/// What is told of a Secret.
pub fn seen(secret: &Secret) -> GivenSeen {
    let filled = secret.data.iter().flatten().filter(|(_, value)| !value.0.is_empty());
    GivenSeen { keys: filled.map(|(key, _)| key.clone()).collect(), digest: digest(&secret.data) }
}

/// A sentence for each Secret or key that isn't there, and who waits for it.
pub fn missing(stack: &ValidStack, seen: &BTreeMap<String, GivenSeen>) -> Vec<(Component, String)> {
    let sentence = |secret: &GivenSecret| {
        let Some(there) = seen.get(&secret.name) else {
            let keys = secret.keys.join(", ");
            return Some(format!(
                "{} names Secret {}, which isn't there; make it with the keys {keys}",
                secret.field, secret.name
            ));
        };
        let lacking: Vec<_> = secret.keys.iter().copied().filter(|key| !there.keys.contains(*key)).collect();
        (!lacking.is_empty()).then(|| {
            format!(
                "Secret {} of {} lacks {}; add what is missing",
                secret.name,
                secret.field,
                lacking.join(", ")
            )
        })
    };
    given(stack).iter().filter_map(|secret| Some((secret.component, sentence(secret)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::v1alpha1::SecretRef, stack::fixtures};

    #[test]
    fn a_secret_that_is_not_there_and_a_key_that_is_not_in_it_are_named() {
        let mut stack = fixtures::valid();
        stack.auth.first_administrator = Some(SecretRef { name: "root".into() });
        let missing = |stack: &_, seen: &_| -> Vec<_> {
            missing(stack, seen).into_iter().map(|(_, sentence)| sentence).collect()
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
}
