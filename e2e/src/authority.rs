//! An authority that only a test knows, and a certificate that it has signed.

use tracklore_testkit::Authority;

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
        let authority = Authority::new();
        let [(_, certificate), (_, key)] = authority.signs_for(names);
        Self { authority: authority.pem(), certificate, key }
    }
}
