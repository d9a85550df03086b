//! A small TCP proxy that can be bad: slow, cut, or half-open.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What the proxy does to connections, new ones and those that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every piece of an answer comes this much later.
    Slow(Duration),
    /// They are closed, in the middle of whatever they do.
    Cut,
    /// Nothing that is sent arrives, and nobody is told: as behind a firewall that has forgotten them.
    HalfOpen,
}

/// A proxy before something else; gone when dropped.
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before `target` (`host:port`), good at first.
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (fault, watched) = watch::channel(Fault::None);
        let connections = Arc::new(AtomicUsize::new(0));
        let (target, counter) = (target.to_owned(), Arc::clone(&connections));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(connect(client, target.clone(), watched.clone()));
            }
        });
        Self { address, fault, connections, accepting }
    }

    /// From now on it is so bad.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Where it listens: `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Its address as a base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.fault.send_replace(Fault::Cut);
    }
}

/// Carries one connection until an end closes it or it is cut.
async fn connect(client: TcpStream, target: String, fault: watch::Receiver<Fault>) {
    let mut cut = fault.clone();
    let carry = async {
        let Ok(server) = TcpStream::connect(target).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::join!(
            carry(from_client, to_server, fault.clone(), false),
            carry(from_server, to_client, fault.clone(), true),
        );
    };
    tokio::select! {
        () = carry => {}
        _ = cut.wait_for(|fault| *fault == Fault::Cut) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut fault: watch::Receiver<Fault>,
    is_answer: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let now = *fault.borrow_and_update();
        match now {
            Fault::Slow(delay) if is_answer => tokio::time::sleep(delay).await,
            // kept until it is good again, like a packet that is sent and sent again
            Fault::HalfOpen if fault.wait_for(|fault| *fault != Fault::HalfOpen).await.is_err() => return,
            _ => {}
        }
        let Some(piece) = buffer.get(..length) else { return };
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
}
