//! HTTP clients. reqwest is built without TLS of its own, so that all programs use the same one (rustls with ring); it
//! panics unless it is given that, which is done here and nowhere else.

use std::{
    io,
    path::{Path, PathBuf},
};

use reqwest::ClientBuilder;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};

/// Whose signature under a server's certificate is believed.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those whom the system trusts.
    System,
    /// Those whose certificates are in this file, in PEM.
    File(&'a Path),
    /// Nobody's: for clients that are used without TLS.
    Nobody,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// The file isn't there, or not for this process.
    #[error("{file} can't be read")]
    Read {
        /// Which file.
        file: PathBuf,
        /// The operating system's word.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{0} holds no certificates in PEM")]
    NoCertificates(PathBuf, #[source] Option<pem::Error>),
    /// TLS can't be set up, or a certificate isn't one that can be trusted.
    #[error("TLS can't be set up")]
    Tls(#[from] rustls::Error),
}

/// A client to be, that believes whom `trust` says. It speaks HTTP/1.1, with and without TLS.
#[expect(clippy::disallowed_methods, reason = "with TLS")]
pub fn builder(trust: Trust<'_>) -> Result<ClientBuilder, HttpsError> {
    let mut tls = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(trust)?)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(ClientBuilder::new().tls_backend_preconfigured(tls))
}

fn authorities(trust: Trust<'_>) -> Result<RootCertStore, HttpsError> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Nobody => {}
        // What can't be read of the system's is no authority; without any, the handshake says so.
        Trust::System => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Trust::File(file) => {
            let text =
                std::fs::read(file).map_err(|source| HttpsError::Read { file: file.to_owned(), source })?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let none = |error| HttpsError::NoCertificates(file.to_owned(), Some(error));
                roots.add(certificate.map_err(none)?)?;
            }
            if roots.is_empty() {
                return Err(HttpsError::NoCertificates(file.to_owned(), None));
            }
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_for_whomever_it_trusts() {
        for trust in [Trust::System, Trust::Nobody] {
            builder(trust).unwrap().build().unwrap();
        }
    }
}
