//! Starts what the process tells of itself: metrics, traces, log lines.

use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
pub use tracklore_telemetry::log::{LogFormat, start as start_logging};
use tracklore_telemetry::{metric, process, trace};

use crate::{args::ServerArgs, metrics::Groups, server::Background};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How often histograms are tidied up, so that they don't grow between two looks of Prometheus.
const UPKEEP: std::time::Duration = std::time::Duration::from_secs(5);

/// Starts recording the metrics of a service, and tracing where the settings want it, for as long as `background` runs.
pub fn start(
    args: &ServerArgs,
    service: &'static str,
    groups: Groups,
    background: &Background,
) -> Result<PrometheusHandle, BuildError> {
    let name = format!("tracklore-{service}");
    let handle = metric::record(&name, VERSION, groups)?;
    let upkeep = handle.clone();
    background.spawn(|stop| async move {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            upkeep.run_upkeep();
        }
    });
    background.spawn(process::measure);
    background.spawn(|stop| {
        let sending = trace::start(&args.trace, &name, VERSION, stop);
        async move {
            if let Some(sending) = sending {
                sending.await;
            }
        }
    });
    Ok(handle)
}
