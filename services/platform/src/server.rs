//! A service's life: start three listeners and the background tasks; on SIGTERM turn unready, keep serving for the
//! drain time (load balancers notice late), then finish what is in flight and stop.

use std::{io, net::SocketAddr, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener, ListenerExt},
};
use futures::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::SignalKind,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    args::ServerArgs,
    docs, health,
    health::Health,
    http,
    metrics::Groups,
    telemetry,
    tls::{Certificate, CertificateError, TlsListener},
};

/// How long requests in flight, and background tasks after them, may take to end after the drain: a little longer than any request.
const FINISH: Duration = Duration::from_secs(12);

/// How often the files of the certificate are looked at.
const RELOAD: Duration = Duration::from_secs(10);

/// What a service consists of.
pub struct Service {
    /// Its name among the others.
    pub name: &'static str,
    /// What it may tell Prometheus.
    pub metrics: Groups<'static>,
    /// Routes of the public port, without those of its document.
    pub public: Router,
    /// Routes of the internal port.
    pub internal: Router,
    /// The OpenAPI document of the public port.
    pub openapi: utoipa::openapi::OpenApi,
    /// When it is ready.
    pub health: Health,
}

/// The background tasks of a service and the word that they shall stop.
#[derive(Clone, Default)]
pub struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
    panicked: CancellationToken,
}

/// Why a service could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A port can't be had.
    #[error("can't listen on {address} ({name}); is another process using the port?")]
    Bind {
        /// Which of the three.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// The operating system's word.
        source: io::Error,
    },
    /// The signal handlers or a listener failed.
    #[error("serving failed")]
    Io(#[from] io::Error),
    /// The files of the certificate are no good.
    #[error("TRACKLORE_INTERNAL_TLS_DIR isn't right")]
    Certificate(#[from] CertificateError),
    /// TLS can't be set up.
    #[error("the internal API can't be served over TLS")]
    Tls(#[from] rustls::Error),
    /// The metrics recorder was installed twice.
    #[error("metrics can't be recorded")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// Part of the service is gone, and only a new process brings it back.
    #[error("a background task panicked; the log above says where")]
    Panicked,
}

impl Background {
    /// Runs `task` until it ends by itself; it watches the token and ends soon after it is cancelled. When it panics, the service
    /// stops: whoever runs it starts it anew, while one that lacks a part would seem to be well.
    pub fn spawn<F, R>(&self, task: F)
    where
        F: FnOnce(CancellationToken) -> R,
        R: Future<Output = ()> + Send + 'static,
    {
        let (task, panicked) = (task(self.stop.clone()), self.panicked.clone());
        self.tasks.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                panicked.cancel();
            }
        });
    }

    async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(FINISH, self.tasks.wait()).await.is_err() {
            tracing::warn!("background tasks did not end in time");
        }
    }
}

/// Serves until SIGTERM or SIGINT, then drains and stops.
pub async fn serve(args: &ServerArgs, service: Service, background: Background) -> Result<(), ServeError> {
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let certificate = args.internal_tls_dir.as_deref().map(Certificate::read).transpose()?;
    let metrics = telemetry::start(args, service.name, service.metrics, &background)?;

    let public = service.public.merge(docs::router(service.name, &service.openapi));
    let stop = CancellationToken::new();
    let draining = || service.health.draining();
    let servers = [
        (
            "public",
            args.listen_public,
            None,
            http::wrap(public, &args.allowed_origins, args.trusted_hops, draining()),
        ),
        (
            "internal",
            args.listen_internal,
            certificate.as_ref(),
            http::wrap(service.internal, &[], 0, draining()),
        ),
        ("admin", args.listen_admin, None, health::router(service.health.clone(), metrics)),
    ];
    let tasks = TaskTracker::new();
    for (name, address, certificate, router) in servers {
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServeError::Bind { name, address, source })?;
        match certificate {
            None => {
                let listener = listener.tap_io(|stream| at_once(stream));
                tasks.spawn(run(listener, router, stop.clone()));
            }
            Some(certificate) => {
                let listener = TlsListener::new(listener, certificate)?;
                let listener = listener.tap_io(|stream| at_once(stream.get_ref().0));
                tasks.spawn(run(listener, router, stop.clone()));
            }
        }
        tracing::info!(%address, tls = certificate.is_some(), "listening ({name})");
    }
    if let Some(certificate) = certificate {
        background.spawn(|stop| certificate.follow(RELOAD, stop));
    }

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = background.panicked.cancelled() => {}
    }
    tracing::info!(drain = ?args.shutdown_drain, "stopping: unready now, serving on while the word spreads");
    service.health.start_draining();
    tokio::time::sleep(args.shutdown_drain).await;
    stop.cancel();
    tasks.close();
    if timeout(FINISH, tasks.wait()).await.is_err() {
        tracing::warn!("requests in flight were cut");
    }
    let panicked = background.panicked.clone();
    background.finish().await;
    tracing::info!("stopped");
    if panicked.is_cancelled() { Err(ServeError::Panicked) } else { Ok(()) }
}

/// Serves what comes in at `listener` until `stop`, and then what is in flight.
async fn run<L>(listener: L, router: Router, stop: CancellationToken) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    SocketAddr: for<'a> Connected<IncomingStream<'a, L>>,
{
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Answers are small: waiting to fill a packet only adds latency.
fn at_once(stream: &TcpStream) {
    drop(stream.set_nodelay(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_background_task_that_panics_is_noticed_and_one_that_ends_is_not() {
        let background = Background::default();
        background.spawn(async |_| ());
        background.tasks.close();
        background.tasks.wait().await;
        assert!(!background.panicked.is_cancelled());
        background.spawn(async |_| panic!("on purpose"));
        background.panicked.cancelled().await;
    }
}
