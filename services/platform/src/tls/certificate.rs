//! The certificate and its key. The files are read again and again: they are mounted, and change without a restart. What
//! is compared is what stands in them, because links are swapped around them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS13,
};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::problem::Chain;

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// A certificate that follows its files.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// What was found at the last look.
    found: Mutex<Found>,
    /// What was good last.
    shown: RwLock<Arc<CertifiedKey>>,
}

/// What stands in the files, in few bytes, or why they can't be read.
type Found = Result<[u8; 32], String>;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file isn't there, or not for this process.
    #[error(
        "{file} can't be read: put the certificate as tls.crt and its key as tls.key, in PEM, into that folder"
    )]
    Read {
        /// Which file.
        file: PathBuf,
        /// The operating system's word.
        source: io::Error,
    },
    /// The one file holds something else.
    #[error(
        "{0} holds no certificate in PEM: put the server's certificate there, and after it those in between it and who \
         signs for it"
    )]
    NoCertificate(PathBuf, #[source] Option<pem::Error>),
    /// The other file holds something else.
    #[error("{0} holds no private key in PEM: put the key of the certificate in tls.crt there")]
    NoKey(PathBuf, #[source] pem::Error),
    /// They don't belong together, or can't be used.
    #[error("tls.crt and tls.key in {0} aren't a certificate and its key: replace both together")]
    Unfit(PathBuf, #[source] rustls::Error),
}

impl Certificate {
    /// Reads `tls.crt` and `tls.key` in `folder`.
    pub fn read(folder: &Path) -> Result<Self, CertificateError> {
        let files = Files::read(folder)?;
        let (found, shown) = (Mutex::new(Ok(files.digest())), RwLock::new(files.parse(folder)?.into()));
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), found, shown })))
    }

    /// How a server shows it: to every new connection the newest. No connection takes up an older one's session, because
    /// that would spare it from looking at the certificate.
    pub fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Inner>::clone(&self.0));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Looks at the files at this interval, until `stop`. While they are no good, the certificate stays as it was.
    pub async fn follow(self, interval: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            let this = self.clone();
            match spawn_blocking(move || this.look()).await {
                Ok(Some(Ok(()))) => tracing::info!("the internal API's certificate was renewed"),
                Ok(Some(Err(error))) => {
                    tracing::warn!(error = %Chain(&error), "the internal API's certificate can't be renewed: the one before stays");
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "reading the internal API's certificate again failed"),
            }
        }
    }

    /// Takes what stands in the files now; nothing if that is what was found there before.
    fn look(&self) -> Option<Result<(), CertificateError>> {
        let Inner { folder, found, shown } = &*self.0;
        let files = Files::read(folder);
        let now = files.as_ref().map(Files::digest).map_err(|error| Chain(error).to_string());
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if *found == now {
            return None;
        }
        *found = now;
        Some(files.and_then(|files| files.parse(folder)).map(|certificate| {
            *shown.write().unwrap_or_else(PoisonError::into_inner) = certificate.into();
        }))
    }
}

impl ResolvesServerCert for Inner {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, CertificateError> {
        let read = |name| {
            let file = folder.join(name);
            fs::read(&file).map_err(|source| CertificateError::Read { file, source })
        };
        Ok(Self { chain: read(CHAIN)?, key: read(KEY)? })
    }

    fn digest(&self) -> [u8; 32] {
        let length = (self.chain.len() as u64).to_be_bytes();
        Sha256::new().chain_update(length).chain_update(&self.chain).chain_update(&self.key).finalize().into()
    }

    fn parse(&self, folder: &Path) -> Result<CertifiedKey, CertificateError> {
        let none = |error| CertificateError::NoCertificate(folder.join(CHAIN), error);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.map_err(|error| none(Some(error)))?;
        if chain.is_empty() {
            return Err(none(None));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key);
        let key = key.map_err(|error| CertificateError::NoKey(folder.join(KEY), error))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| CertificateError::Unfit(folder.to_owned(), error))
    }
}

#[cfg(test)]
mod tests;
