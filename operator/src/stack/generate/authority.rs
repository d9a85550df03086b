//! Who signs the stack's certificates, with its key: for as long as something is signed, and never kept.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::stack::certificates::{
    AUTHORITY, AUTHORITY_KEY, AUTHORITY_LIFE, BACKDATED, SERVER, SERVER_KEY, SERVER_LIFE,
};

/// An authority.
pub struct Authority {
    certificate: String,
    key: KeyPair,
}

impl Authority {
    /// Makes one, or with the key of an earlier one its next certificate.
    pub fn make(subject: &str, key: Option<KeyPair>, now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = key.map_or_else(KeyPair::generate, Ok)?;
        let mut params = params(Vec::new(), subject, AUTHORITY_LIFE, now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { certificate: params.self_signed(&key)?.pem(), key })
    }

    /// From what its Secret holds.
    pub fn of(content: &BTreeMap<String, String>) -> Result<Self, rcgen::Error> {
        let text = |key: &str| content.get(key).map_or("", String::as_str);
        let (certificate, key) = (text(AUTHORITY).to_owned(), KeyPair::from_pem(text(AUTHORITY_KEY))?);
        Issuer::from_ca_cert_pem(&certificate, &key)?;
        Ok(Self { certificate, key })
    }

    /// The next certificate for the same key.
    pub fn renewed(&self, subject: &str, now: Timestamp) -> Result<Self, rcgen::Error> {
        Self::make(subject, Some(KeyPair::from_pem(&self.key.serialize_pem())?), now)
    }

    /// What everybody may know of it.
    pub fn public(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(AUTHORITY.to_owned(), self.certificate.clone())])
    }

    /// What its Secret holds.
    pub fn content(&self) -> BTreeMap<String, String> {
        let mut content = self.public();
        content.insert(AUTHORITY_KEY.to_owned(), self.key.serialize_pem());
        content
    }

    /// A server's certificate, with a key of its own.
    pub fn signs(&self, hosts: &[String], now: Timestamp) -> Result<BTreeMap<String, String>, rcgen::Error> {
        let name = hosts.first().map_or("", String::as_str);
        let mut params = params(hosts.to_vec(), name, SERVER_LIFE, now)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key)?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok([(SERVER, certificate), (SERVER_KEY, key.serialize_pem())]
            .map(|(file, text)| (file.to_owned(), text))
            .into())
    }
}

fn params(
    hosts: Vec<String>,
    name: &str,
    life: SignedDuration,
    now: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(hosts)?;
    // RFC 5280 allows no longer one; who connects looks at the hosts only
    let name: String = name.chars().take(64).collect();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = moment(now - BACKDATED);
    params.not_after = moment(now + life);
    Ok(params)
}

fn moment(at: Timestamp) -> OffsetDateTime {
    // out of range is what no clock shows
    OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
