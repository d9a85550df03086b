//! The stack's own certificates: one authority, and a certificate for each server, signed by it. How long they last, and when the
//! next ones are due. Content is made in [`super::generate`].
//!
//! A certificate of the authority is followed by one for the same key: whoever knows only the first can check what is signed
//! after the second was made. So nothing has to happen in a certain order.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use rcgen::KeyPair;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    pem::Pem,
};

use super::{
    plan::Recipe,
    rotation::{Rule, successor_at},
};

/// The key of a Secret that holds the authority's certificate.
pub const AUTHORITY: &str = "ca.crt";
/// The one that holds its private key, where a Secret does.
pub const AUTHORITY_KEY: &str = "ca.key";
/// The key of a Secret that holds a server's certificate.
pub const SERVER: &str = "tls.crt";
/// The one that holds its private key.
pub const SERVER_KEY: &str = "tls.key";

/// How long a server's certificate lasts.
pub const SERVER_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// How long the authority's lasts.
pub const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(3650 * 24);
/// Clocks of others may be behind: certificates are valid from so long before they are made.
pub const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// A certificate without its key, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// When it was made.
    pub made: Timestamp,
    /// Until when it is good.
    pub ends: Timestamp,
    /// Whom it is for: names and addresses of the network.
    pub hosts: BTreeSet<String>,
    /// Which key it is for, where it is an authority's (RFC 5280, 4.2.1.2).
    pub key: Option<Vec<u8>>,
    /// Which key has signed it (RFC 5280, 4.2.1.1).
    pub signer: Option<Vec<u8>>,
}

/// The certificate that a Secret holds; none where it holds none that can be used: it, or its key, can't be read, or they
/// don't belong together.
pub fn seen(secret: &Secret) -> Option<Certificate> {
    let data = secret.data.as_ref()?;
    let (certificate, key) = match data.get(SERVER) {
        Some(certificate) => (certificate, Some(data.get(SERVER_KEY)?)),
        None => (data.get(AUTHORITY)?, data.get(AUTHORITY_KEY)),
    };
    let pem = first(certificate)?;
    let certificate = pem.parse_x509().ok()?;
    let fits = |ByteString(key): &ByteString| {
        let key = KeyPair::from_pem(std::str::from_utf8(key).ok()?).ok()?;
        Some(key.public_key_raw() == certificate.public_key().subject_public_key.data.as_ref())
    };
    let is_good = key.is_none_or(|key| fits(key) == Some(true));
    read(&certificate).filter(|read| is_good && (!certificate.is_ca() || read.key.is_some()))
}

/// Until when the server's certificate is good that a Secret of other people holds, where one can be read.
pub fn ends(secret: &Secret) -> Option<Timestamp> {
    let pem = first(secret.data.as_ref()?.get(SERVER)?)?;
    until(&pem.parse_x509().ok()?)
}

/// The first of a chain: the others have signed it.
fn first(certificates: &ByteString) -> Option<Pem> {
    Pem::iter_from_buffer(&certificates.0).next()?.ok()
}

fn until(certificate: &X509Certificate<'_>) -> Option<Timestamp> {
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn read(certificate: &X509Certificate<'_>) -> Option<Certificate> {
    let valid_from = Timestamp::from_second(certificate.validity().not_before.timestamp()).ok()?;
    let mut read = Certificate {
        made: valid_from.checked_add(BACKDATED).ok()?,
        ends: until(certificate)?,
        hosts: BTreeSet::new(),
        key: None,
        signer: None,
    };
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                read.hosts = names.general_names.iter().filter_map(host).collect();
            }
            ParsedExtension::SubjectKeyIdentifier(key) => read.key = Some(key.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(signer) => {
                read.signer = signer.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            _ => {}
        }
    }
    Some(read)
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Whether what a recipe makes is to be made anew: it is old, somebody asks for it, or it doesn't fit what there is.
pub fn is_due(
    recipe: &Recipe,
    seen: Option<&Certificate>,
    authority: Option<&Certificate>,
    now: Timestamp,
) -> bool {
    let aged = |seen: &Certificate, life: SignedDuration, requested_at: Option<Timestamp>| {
        // a third of its life is left for whoever is away
        let rule = Rule { after: Some(life / 3 * 2), requested_at };
        // a clock that was ahead has made what isn't valid yet
        successor_at(seen.made, &rule) <= now || seen.made.duration_since(now) > BACKDATED
    };
    match (recipe, seen, authority) {
        // an authority that can't be read isn't replaced: everything would have to know the new one at once
        (Recipe::Authority { .. }, Some(seen), _) => aged(seen, AUTHORITY_LIFE, None),
        (Recipe::Trust, seen, Some(authority)) => {
            seen.is_none_or(|seen| (seen.made, &seen.key) != (authority.made, &authority.key))
        }
        (Recipe::Certificate { hosts, requested_at }, seen, Some(authority)) => seen.is_none_or(|seen| {
            let fits =
                seen.signer == authority.key && seen.hosts.iter().eq(&BTreeSet::from_iter(hosts.clone()));
            !fits || aged(seen, SERVER_LIFE, *requested_at)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::stack::generate;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + days * 24 * 3600).unwrap()
    }

    fn of(content: &BTreeMap<String, String>) -> Secret {
        let data = content.iter().map(|(key, text)| (key.clone(), ByteString(text.clone().into_bytes())));
        Secret { data: Some(data.collect()), ..Secret::default() }
    }

    fn server(requested_at: Option<Timestamp>) -> Recipe {
        Recipe::Certificate { hosts: vec!["demo-redis.demo.svc".into(), "127.0.0.1".into()], requested_at }
    }

    /// An authority, its Secret, and the certificate of a server that it has signed at some moment.
    fn made(signed: Timestamp) -> (generate::Authority, Certificate, Certificate) {
        let authority = Recipe::Authority { subject: "demo".into() };
        let content = generate::generate(&authority, None, at(0)).unwrap();
        let signer = generate::Authority::of(&content).unwrap();
        let server = seen(&of(&generate::generate(&server(None), Some(&signer), signed).unwrap())).unwrap();
        (signer, seen(&of(&content)).unwrap(), server)
    }

    #[test]
    fn a_certificate_says_when_and_for_whom_it_was_made_and_by_whom_and_when_it_ends() {
        let (_, authority, server) = made(at(3));
        assert_eq!((authority.made, server.made), (at(0), at(3)));
        assert_eq!((authority.ends, server.ends), (at(3650), at(3 + 365)));
        assert_eq!(server.hosts, ["127.0.0.1".to_owned(), "demo-redis.demo.svc".to_owned()].into());
        assert_eq!(server.signer, authority.key);
        assert!(authority.key.is_some());
    }

    #[test]
    fn a_servers_certificate_is_renewed_when_two_thirds_of_its_year_are_over_or_when_somebody_asks() {
        let (_, authority, seen) = made(at(0));
        let due = |recipe: &Recipe, now| is_due(recipe, Some(&seen), Some(&authority), now);
        assert!(!due(&server(None), at(243)));
        assert!(due(&server(None), at(244)));
        assert!(due(&server(Some(at(5))), at(5)));
        assert!(!due(&server(Some(at(5))), at(4)), "a moment to come is waited for");
        assert!(!due(&server(Some(at(0))), at(5)), "it was made then");
        assert!(due(&server(None), at(-1)), "whoever made it had a wrong clock: it isn't valid yet");
    }

    #[test]
    fn a_certificate_for_others_or_by_another_authority_is_made_anew_and_so_is_garbage() {
        let (_, authority, seen) = made(at(0));
        let (_, another, _) = made(at(0));
        let due = |recipe: &Recipe, authority| is_due(recipe, Some(&seen), Some(authority), at(1));
        assert!(!due(&server(None), &authority));
        assert!(due(&server(None), &another), "another authority");
        let hosts = vec!["demo-redis.demo.svc".into()];
        assert!(due(&Recipe::Certificate { hosts, requested_at: None }, &authority), "other hosts");
        assert!(is_due(&server(None), None, Some(&authority), at(1)), "garbage");
        assert!(!is_due(&server(None), None, None, at(1)), "nobody could sign");
    }

    #[test]
    fn a_certificate_without_its_own_key_is_none() {
        let (signer, ..) = made(at(0));
        let content = || generate::generate(&server(None), Some(&signer), at(0)).unwrap();
        for key in [None, Some(String::new()), Some(content()["tls.key"].clone())] {
            let mut content = content();
            content.remove("tls.key");
            content.extend(key.map(|key| ("tls.key".to_owned(), key)));
            assert_eq!(seen(&of(&content)), None);
            assert_eq!(ends(&of(&content)), Some(at(365)), "whoever gives one shows it all the same");
        }
        let mut authority = signer.content();
        assert!(seen(&of(&authority)).is_some() && seen(&of(&signer.public())).is_some());
        authority.insert("ca.key".into(), content()["tls.key"].clone());
        assert_eq!(seen(&of(&authority)), None);
    }

    #[test]
    fn an_authority_outlives_many_servers_and_is_renewed_for_the_same_key() {
        let recipe = Recipe::Authority { subject: "demo".into() };
        let (signer, first, server) = made(at(0));
        let due = |now| is_due(&recipe, Some(&first), None, now);
        assert!(!due(at(2433)) && due(at(2434)));
        assert!(!is_due(&recipe, None, None, at(9999)), "it is never replaced unasked");

        let second = seen(&of(&generate::generate(&recipe, Some(&signer), at(2434)).unwrap())).unwrap();
        assert_eq!((second.made, &second.key), (at(2434), &first.key));
        assert_eq!(server.signer, second.key, "what it has signed stays good");
        assert!(is_due(&Recipe::Trust, Some(&first), Some(&second), at(2434)));
        assert!(!is_due(&Recipe::Trust, Some(&second), Some(&second), at(2434)));
    }
}
