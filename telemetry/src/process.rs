//! What Prometheus' client libraries tell of every process, read from `/proc`. Elsewhere than on Linux nothing is told.

use std::{fs, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::metric::Metric;

const CPU: Metric = Metric::counter(
    "process_cpu_seconds_total",
    &[],
    "Processor time that the process has used, in whole seconds.",
);
const MEMORY: Metric =
    Metric::gauge("process_resident_memory_bytes", &[], "Memory that the process holds, in bytes.");
const FILES: Metric = Metric::gauge("process_open_fds", &[], "Open files and connections.");
const MAX_FILES: Metric =
    Metric::gauge("process_max_fds", &[], "How many files and connections may be open.");
const THREADS: Metric = Metric::gauge("process_threads", &[], "Threads of the process.");
const START: Metric =
    Metric::gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970.");

/// What is told of the process.
pub const METRICS: &[Metric] = &[CPU, MEMORY, FILES, MAX_FILES, THREADS, START];

/// `USER_HZ`, in which Linux tells user space of time: 100 everywhere.
const TICKS: u64 = 100;
const INTERVAL: Duration = Duration::from_secs(5);

/// Measures until `stop`.
pub async fn measure(stop: CancellationToken) {
    loop {
        if let Some(process) = Process::read() {
            process.tell();
        }
        if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

#[derive(Debug)]
struct Process {
    cpu_ticks: u64,
    threads: u64,
    memory_bytes: u64,
    open_files: usize,
    max_files: Option<u64>,
    started_at: Option<u64>,
}

impl Process {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // the name of the program, in parentheses, may hold anything
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // of proc(5), which counts from 1 and two fields before these
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
        let started = field(22)? / TICKS;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let kibibytes = value(&status, "VmRSS:")?;
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let booted = fs::read_to_string("/proc/stat").ok().and_then(|stat| value(&stat, "btime"));
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            memory_bytes: kibibytes * 1024,
            open_files: fs::read_dir("/proc/self/fd").ok()?.count(),
            max_files: value(&limits, "Max open files"),
            started_at: booted.map(|booted| booted + started),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
    fn tell(&self) {
        metrics::counter!(CPU.name).absolute(self.cpu_ticks / TICKS);
        metrics::gauge!(MEMORY.name).set(self.memory_bytes as f64);
        metrics::gauge!(FILES.name).set(self.open_files as f64);
        metrics::gauge!(THREADS.name).set(self.threads as f64);
        if let Some(files) = self.max_files {
            metrics::gauge!(MAX_FILES.name).set(files as f64);
        }
        if let Some(at) = self.started_at {
            metrics::gauge!(START.name).set(at as f64);
        }
    }
}

/// The first number after `name` at the beginning of a line.
fn value(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn this_process_has_memory_threads_files_and_a_start() {
        let process = Process::read().unwrap();
        assert!(process.memory_bytes > 1 << 20 && process.memory_bytes < 1 << 34, "{process:?}");
        assert!(process.threads >= 1 && process.open_files >= 3, "{process:?}");
        assert!(process.max_files.unwrap() >= 3, "{process:?}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!(now.abs_diff(process.started_at.unwrap()) < 3600, "{process:?}");
    }
}
