//! Connections over TLS for axum. Handshakes go on beside one another and beside connections that are ready, so that who
//! is slow at it blocks nobody.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::Listener;
use tls_listener::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Certificate;

/// Who takes longer to shake hands is hung up on.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// After a failure that isn't of one connection: there are too many open files, say.
const PAUSE: Duration = Duration::from_secs(1);

/// A TCP listener whose connections speak TLS.
pub struct TlsListener(tls_listener::TlsListener<TcpListener, TlsAcceptor>);

impl TlsListener {
    /// Shows `certificate` to who connects.
    pub fn new(listener: TcpListener, certificate: &Certificate) -> Result<Self, rustls::Error> {
        let acceptor = TlsAcceptor::from(Arc::new(certificate.server_config()?));
        Ok(Self(tls_listener::builder(acceptor).handshake_timeout(HANDSHAKE).listen(listener)))
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(connection) => return connection,
                Err(Error::ListenerError(error)) if is_of_one_connection(&error) => {}
                Err(Error::ListenerError(error)) => {
                    tracing::error!(%error, "no connection can be accepted; trying on");
                    sleep(PAUSE).await;
                }
                // anybody can cause it
                Err(error) => {
                    tracing::debug!(%error, peer = ?error.peer_addr(), "no TLS connection was made");
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
