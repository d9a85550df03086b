//! The content of generated Secrets. The one place where chance is used.

mod authority;

use std::collections::BTreeMap;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString};

pub use self::authority::Authority;
use super::{
    component::Service,
    logins::{MADE, Turn},
    plan::Recipe,
    rotation,
};

/// Why content couldn't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key has no text.
    #[error("failed to encode a signing key: {0}")]
    Key(#[from] ed25519_dalek::pkcs8::Error),
    /// A certificate can't be for these hosts.
    #[error("failed to make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Nobody signs.
    #[error("failed to make a certificate: there is no authority yet")]
    Unsigned,
}

/// Makes the content that a recipe asks for. With an authority, that of an authority is its next certificate.
pub fn generate(
    recipe: &Recipe,
    authority: Option<&Authority>,
    now: Timestamp,
) -> Result<BTreeMap<String, String>, Error> {
    let entry = |key: &str, value: String| (key.to_owned(), value);
    Ok(match recipe {
        Recipe::Login { username } => {
            BTreeMap::from([entry("username", username.clone()), entry("password", password())])
        }
        Recipe::Address { username, scheme, rest } => {
            let password = password();
            BTreeMap::from([
                entry("uri", format!("{scheme}://{username}:{password}@{rest}")),
                entry("username", username.clone()),
                entry("password", password),
            ])
        }
        Recipe::KafkaCluster => {
            BTreeMap::from([entry("cluster-id", cluster_id()), entry("controller-password", password())])
        }
        Recipe::SigningKeys(_) => {
            let key = SigningKey::from_bytes(&rand::random()).to_pkcs8_pem(LineEnding::LF)?;
            BTreeMap::from([entry(&rotation::file(now), key.to_string())])
        }
        Recipe::SessionKey => {
            BTreeMap::from([entry("session-key", STANDARD.encode(rand::random::<[u8; 32]>()))])
        }
        Recipe::Clients => {
            Service::CLIENTS.into_iter().map(|service| entry(service.as_str(), password())).collect()
        }
        Recipe::Authority { subject } => match authority {
            Some(authority) => authority.renewed(subject, now)?.content(),
            None => Authority::make(subject, None, now)?.content(),
        },
        Recipe::Trust => authority.ok_or(Error::Unsigned)?.public(),
        Recipe::Certificate { hosts, .. } => authority.ok_or(Error::Unsigned)?.signs(hosts, now)?,
    })
}

/// Makes another login by the recipe of the first, under the keys that it has at this turn. `second` is the user whose turn is the
/// second.
pub fn successor(
    recipe: &Recipe,
    second: &str,
    turn: Turn,
    now: Timestamp,
) -> Result<BTreeMap<String, String>, Error> {
    let mut recipe = recipe.clone();
    if let (Turn::Second, Recipe::Login { username } | Recipe::Address { username, .. }) = (turn, &mut recipe)
    {
        second.clone_into(username);
    }
    let made = (MADE.to_owned(), now.to_string());
    let parts = generate(&recipe, None, now)?.into_iter().chain([made]);
    Ok(parts.map(|(part, value)| (turn.name(&part), value)).collect())
}

/// A password of letters and digits, which needs no escaping anywhere: 40 of them hold 238 bits.
fn password() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 40)
}

/// A cluster id as Kafka makes them: 16 bytes in URL-safe base64. It may not begin with a dash, or tools take it for a flag.
fn cluster_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
        if !id.starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::pkcs8::DecodePrivateKey;

    use super::*;

    fn make(recipe: &Recipe) -> BTreeMap<String, String> {
        generate(recipe, None, "2026-11-20T09:30:00Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn an_address_holds_the_password_beside_it() {
        let recipe =
            Recipe::Address { username: "feed".into(), scheme: "rediss", rest: "demo-redis:6379/0".into() };
        let content = make(&recipe);
        assert_eq!(content["uri"], format!("rediss://feed:{}@demo-redis:6379/0", content["password"]));
        assert!(content["password"].len() >= 32);
        assert!(content["password"].chars().all(|c| c.is_ascii_alphanumeric()));
    }

    #[test]
    fn another_login_has_another_role_and_password_and_keys_of_its_own() {
        let recipe = Recipe::Address {
            username: "tracklore_auth".into(),
            scheme: "postgres",
            rest: "demo-postgres:5432/tracklore_auth".into(),
        };
        let now: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
        let (first, second) =
            (make(&recipe), successor(&recipe, "tracklore_auth_2", Turn::Second, now).unwrap());
        let password = &second["password-2"];
        assert_ne!(*password, first["password"]);
        let rest = "@demo-postgres:5432/tracklore_auth";
        assert_eq!(second["uri-2"], format!("postgres://tracklore_auth_2:{password}{rest}"));
        assert_eq!(
            (second["username-2"].as_str(), second["made-2"].as_str()),
            ("tracklore_auth_2", "2026-11-20T09:30:00Z")
        );
        assert!(first.keys().all(|key| !second.contains_key(key)), "nothing is overwritten");
        let again = successor(&recipe, "tracklore_auth_2", Turn::First, now).unwrap();
        assert_eq!(again.keys().collect::<Vec<_>>(), ["made", "password", "uri", "username"]);
        assert_eq!(again["username"], first["username"]);
    }

    #[test]
    fn a_signing_key_is_named_after_its_time_and_can_be_read() {
        let rule = rotation::Rule { after: None, requested_at: None };
        let content = make(&Recipe::SigningKeys(rule));
        assert!(SigningKey::from_pkcs8_pem(&content["20261120093000.pem"]).is_ok());
    }

    #[test]
    fn a_session_key_has_32_bytes_and_a_cluster_id_16() {
        assert_eq!(STANDARD.decode(&make(&Recipe::SessionKey)["session-key"]).unwrap().len(), 32);
        let id = &make(&Recipe::KafkaCluster)["cluster-id"];
        assert_eq!((id.len(), URL_SAFE_NO_PAD.decode(id).unwrap().len()), (22, 16));
    }

    #[test]
    fn a_certificate_comes_with_its_key_and_needs_an_authority() {
        let made = make(&Recipe::Authority { subject: "demo".into() });
        assert!(made["ca.key"].starts_with("-----BEGIN PRIVATE KEY-----"));
        let authority = Authority::of(&made).unwrap();
        let recipe =
            Recipe::Certificate { hosts: vec!["localhost".into(), "::1".into()], requested_at: None };
        let content = generate(&recipe, Some(&authority), Timestamp::UNIX_EPOCH).unwrap();
        assert!(content["tls.crt"].starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(content["tls.key"].starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(generate(&Recipe::Trust, Some(&authority), Timestamp::UNIX_EPOCH).unwrap().len(), 1);
        assert!(generate(&recipe, None, Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn no_two_passwords_are_alike() {
        let clients = make(&Recipe::Clients);
        assert_eq!(clients.len(), 2);
        assert_ne!(clients["user"], clients["feed"]);
    }
}
