//! The command line.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Parser, Subcommand};
use kube::Client;
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinError, JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracklore_telemetry::{
    log::{self, LogFormat},
    metric, process,
    trace::{self, TraceArgs},
};

use crate::{
    api::v1alpha1::{crd, reference},
    install,
    runtime::{
        api_calls, controller,
        fence::Fence,
        lease::{Candidate, Held, LeaseName},
        metrics, server,
        watches::{Progress, Scope},
    },
    stack::versions,
};

const LOST: &str = "the Lease was lost: another replica works now, or the API server can't be reached";

/// Kubernetes operator of Tracklore.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep stacks as their specs say.
    Run(RunArguments),
    /// Print the CustomResourceDefinition.
    Crd {
        /// Don't print it: apply it to the cluster, and wait until the API server serves it.
        #[arg(long)]
        apply: bool,
    },
    /// Print the reference of its fields, as Markdown.
    CrdDocs,
    /// Print the reference of all metrics, as rows of a Markdown table.
    Metrics,
    /// Print the images that stacks are made of, one a line, for bringing them into a registry of your own.
    Images {
        /// Of this version only; of all that this operator knows when absent.
        #[arg(long)]
        version: Option<String>,
        /// Print two names a line: each image's own, and the one it has to have where `spec.images.registry` is this.
        #[arg(long)]
        registry: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct RunArguments {
    /// Namespaces to watch, separated by commas; all when empty.
    #[arg(long, env = "WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// The Lease, `<namespace>/<name>`, that lets one of several replicas work at a time; without it, this one works at once.
    #[arg(long, env = "TRACKLORE_OPERATOR_LEASE")]
    lease: Option<LeaseName>,
    /// How many stacks a namespace may hold; any number when 0. Those that were made first are served.
    #[arg(long, env = "TRACKLORE_OPERATOR_MAX_STACKS_PER_NAMESPACE", default_value_t = 10)]
    max_stacks_per_namespace: usize,
    /// Where probes and metrics are served.
    #[arg(long, env = "TRACKLORE_OPERATOR_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// What is logged, for example `info` or `tracklore_operator=debug,warn`.
    #[arg(long, env = "TRACKLORE_OPERATOR_LOG", default_value = "info")]
    log: String,
    /// How log lines look: `json` for machines, `text` for people.
    #[arg(long, env = "TRACKLORE_OPERATOR_LOG_FORMAT", default_value = "json")]
    log_format: LogFormat,
    #[command(flatten)]
    trace: TraceArgs,
}

impl Cli {
    /// Does what was asked.
    pub fn execute(self) -> Result<()> {
        match self.command {
            Command::Run(arguments) => runtime()?.block_on(run(arguments)),
            Command::Crd { apply: false } => {
                print!("{}", crd::yaml()?);
                Ok(())
            }
            Command::Crd { apply: true } => runtime()?.block_on(apply_crd()),
            Command::Metrics => {
                print!("{}", metric::reference(metrics::ALL));
                Ok(())
            }
            Command::Images { version, registry } => images(version.as_deref(), registry.as_deref()),
            Command::CrdDocs => {
                print!("{}", reference::markdown(&crd::definition()?));
                Ok(())
            }
        }
    }
}

/// Of a single thread: a pass thinks for a few milliseconds and else waits for the API server, and threads that wake each other
/// would take longer than that.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("failed to start the runtime")
}

fn images(version: Option<&str>, registry: Option<&str>) -> Result<()> {
    if let Some(version) = version.filter(|version| !versions::known().contains(version)) {
        bail!("version {version} isn't known; this operator knows {}", versions::known().join(", "));
    }
    for image in versions::images(version) {
        match registry {
            Some(registry) => println!("{image} {}", versions::mirrored(&image, Some(registry))),
            None => println!("{image}"),
        }
    }
    Ok(())
}

async fn apply_crd() -> Result<()> {
    let client = Client::try_default()
        .await
        .context("failed to find the cluster: run it in a pod, or set KUBECONFIG")?;
    println!("{} is installed", install::crd(client).await?);
    Ok(())
}

async fn run(arguments: RunArguments) -> Result<()> {
    log::start(&arguments.log, arguments.log_format);
    let handle = metrics::install().context("failed to set up metrics")?;
    let fence = if arguments.lease.is_some() { Fence::closed() } else { Fence::open() };
    let client = client(&fence).await?;
    let namespaces: Vec<_> = arguments.watch_namespaces.into_iter().filter(|name| !name.is_empty()).collect();
    let progress = Arc::new(Progress::default());
    let stop = CancellationToken::new();
    let server = tokio::spawn(server::serve(arguments.listen, progress.clone(), handle, stop.clone()));
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(version, ?namespaces, "starting");
    tokio::spawn(process::measure(stop.clone()));
    // ended last, so that it tells of the last passes, too
    let passes_over = CancellationToken::new();
    let sending = trace::start(&arguments.trace, "tracklore-operator", version, passes_over.clone());
    let sending = sending.map(tokio::spawn);

    let terminated = stop_when_terminated(stop.clone());
    let mut held = None;
    if let Some(lease) = arguments.lease {
        let asking = self::client(&Fence::open()).await?;
        held = Candidate::new(asking, lease, identity(), fence).acquire(&stop).await;
    }
    metrics::leader(!stop.is_cancelled());
    let mut controllers = JoinSet::new();
    for scope in Scope::of(namespaces) {
        let most = arguments.max_stacks_per_namespace;
        controllers.spawn(controller::keep(client.clone(), scope, most, progress.clone(), stop.clone()));
    }
    let mut result = Ok(());
    tokio::select! {
        // An orderly end ends the controllers, too, and may be heard of after that.
        biased;
        () = stop.cancelled() => tracing::info!("stopping: passes under way are finished"),
        () = lost(&mut held) => bail!(LOST),
        Some(ended) = controllers.join_next() => {
            result = outcome(ended).and(Err(anyhow!("a controller ended by itself")));
        }
    }
    stop.cancel();
    tokio::select! {
        biased;
        finished = finished(&mut controllers) => result = result.and(finished),
        () = lost(&mut held) => bail!(LOST),
    }
    metrics::leader(false);
    if let Some(held) = held {
        held.release().await;
    }
    passes_over.cancel();
    if let Some(sending) = sending {
        sending.await.context("sending traces panicked")?;
    }
    terminated.abort();
    result.and(server.await.context("the server panicked")?.context("failed to serve probes and metrics"))
}

async fn client(fence: &Fence) -> Result<Client> {
    api_calls::client(fence).await.context("failed to find the cluster: run it in a pod, or set KUBECONFIG")
}

fn outcome(ended: Result<Result<(), controller::Error>, JoinError>) -> Result<()> {
    Ok(ended.context("a controller panicked")??)
}

/// Waits until all controllers have ended; the first error of theirs.
async fn finished(controllers: &mut JoinSet<Result<(), controller::Error>>) -> Result<()> {
    let mut result = Ok(());
    while let Some(ended) = controllers.join_next().await {
        result = result.and(outcome(ended));
    }
    result
}

/// Renews the Lease, and ends when it is lost.
async fn lost(held: &mut Option<Held>) {
    match held {
        Some(held) => held.keep().await,
        None => std::future::pending().await,
    }
}

/// A name that no other replica has, nor an earlier process of this pod.
fn identity() -> String {
    let pod = std::env::var("HOSTNAME").unwrap_or_else(|_| "tracklore-operator".to_owned());
    format!("{pod}_{:016x}", rand::random::<u64>())
}

fn stop_when_terminated(stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        terminated().await;
        stop.cancel();
    })
}

/// Ends when the process is asked to end.
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
