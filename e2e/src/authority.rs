//! An authority that only a test knows, and a certificate that it has signed.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// What a server shows, and what its clients go by; all of it PEM.
pub struct Certified {
    /// The authority's own certificate.
    pub authority: String,
    /// The server's.
    pub certificate: String,
    /// The server's key.
    pub key: String,
}

impl Certified {
    /// For a server of these names or addresses.
    pub fn new(names: Vec<String>) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
            .expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(names).expect("parameters");
        let certificate = certificate.signed_by(&key, &authority).expect("a certificate").pem();
        Self { authority: authority.pem(), certificate, key: key.serialize_pem() }
    }
}
