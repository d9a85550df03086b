//! TLS of the internal API: a certificate from files that are replaced while the process runs, and the listener that
//! shows it.

mod certificate;
mod listener;

pub use self::{
    certificate::{Certificate, CertificateError},
    listener::TlsListener,
};
