//! Load for benchmarks: many connections that ask one after the other, at little cost to the machine that is measured.
//!
//! What a server costs is told by the processor time of its process, which the generator's own doesn't blur.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Clock ticks of a second in `/proc`: the same on all Linux machines.
const TICKS: u64 = 100;

/// What a load was answered.
#[derive(Debug, Default)]
pub struct Report {
    /// How long it took.
    pub took: Duration,
    /// Times of the answers by status, shortest first.
    pub answers: BTreeMap<u16, Vec<Duration>>,
}

impl Report {
    /// How many answers had this status.
    pub fn count(&self, status: u16) -> usize {
        self.answers.get(&status).map_or(0, Vec::len)
    }

    /// How many answers of this status came each second.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
    pub fn rate(&self, status: u16) -> f64 {
        self.count(status) as f64 / self.took.as_secs_f64()
    }

    /// The time within which `percent` of the answers of this status came.
    pub fn percentile(&self, status: u16, percent: usize) -> Duration {
        let times = self.answers.get(&status).map_or(&[][..], Vec::as_slice);
        let last = times.len().saturating_sub(1);
        times.get((times.len() * percent / 100).min(last)).copied().unwrap_or_default()
    }
}

/// What a server was asked in several rounds, and what that cost it.
#[derive(Debug, Default)]
pub struct Rounds {
    reports: Vec<Report>,
    spent: Duration,
}

impl Rounds {
    /// Adds a round: all that `load` asks is answered by this process.
    pub async fn add(&mut self, process: u32, load: impl Future<Output = Report>) {
        let before = cpu_time(process);
        self.reports.push(load.await);
        self.spent += cpu_time(process).saturating_sub(before);
    }

    /// How many answers of 200 came each second.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
    pub fn rate(&self) -> f64 {
        self.reports.iter().map(|report| report.rate(200)).sum::<f64>() / self.reports.len() as f64
    }

    /// The processor time that each answer of 200 took, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
    pub fn each(&self) -> f64 {
        let answers: usize = self.reports.iter().map(|report| report.count(200)).sum();
        self.spent.as_secs_f64() * 1e6 / answers as f64
    }
}

/// A `GET` with these header lines.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{headers}\r\n").into_bytes()
}

/// A `POST` of JSON with these header lines.
pub fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// Asks the server at `url` on so many connections for so long; `request` makes the request of a number.
pub async fn run(
    url: &str,
    connections: usize,
    duration: Duration,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Report {
    ask(url, connections, duration, Duration::ZERO, request).await
}

/// The same `rate` times a second, however fast the answers are, as long as there is a connection that doesn't wait.
pub async fn run_at(
    url: &str,
    rate: f64,
    connections: usize,
    duration: Duration,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Report {
    ask(url, connections, duration, Duration::from_secs_f64(1.0 / rate), request).await
}

/// Request number n isn't sent before n times `pace`.
async fn ask(
    url: &str,
    connections: usize,
    duration: Duration,
    pace: Duration,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Report {
    let address = url.trim_start_matches("http://").to_owned();
    let (request, next) = (Arc::new(request), Arc::new(AtomicUsize::new(0)));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(&address).await);
    }
    let began = Instant::now();
    let workers: Vec<_> = open
        .into_iter()
        .map(|mut connection| {
            let (request, next) = (Arc::clone(&request), Arc::clone(&next));
            tokio::spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = pace * u32::try_from(number).expect("fewer requests than that");
                    if due.max(began.elapsed()) >= duration {
                        return times;
                    }
                    if !pace.is_zero() {
                        tokio::time::sleep_until((began + due).into()).await;
                    }
                    let asked = Instant::now();
                    let status = connection.ask(&request(number)).await;
                    times.push((status, asked.elapsed()));
                }
            })
        })
        .collect();
    let mut report = Report::default();
    for worker in workers {
        for (status, time) in worker.await.expect("a worker") {
            report.answers.entry(status).or_default().push(time);
        }
    }
    report.took = began.elapsed();
    report.answers.values_mut().for_each(|times| times.sort_unstable());
    report
}

/// The processor time that a process has used.
pub fn cpu_time(process: u32) -> Duration {
    cpu_time_by(&format!("/proc/{process}/stat"))
}

/// The processor time that this thread has used.
pub fn cpu_time_of_thread() -> Duration {
    cpu_time_by("/proc/thread-self/stat")
}

fn cpu_time_by(path: &str) -> Duration {
    let line = fs::read_to_string(path).expect("it runs");
    // the name before the last parenthesis may contain anything
    let fields = line.rsplit_once(')').expect("a name").1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 1000 / TICKS)
}

/// The memory that a process holds, in KiB.
pub fn resident(process: u32) -> u64 {
    memory(process, "VmRSS:")
}

/// The most memory that a process has held since [`forget_peak`], in KiB.
pub fn peak(process: u32) -> u64 {
    memory(process, "VmHWM:")
}

/// From now on counts for [`peak`].
pub fn forget_peak(process: u32) {
    fs::write(format!("/proc/{process}/clear_refs"), "5").expect("the process is ours");
}

fn memory(process: u32, kind: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(kind)).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server answers");
        stream.set_nodelay(true).expect("a TCP connection");
        Self { stream, buffer: Vec::with_capacity(64 * 1024) }
    }

    /// Sends a request and reads its answer, which must say how long it is; the status.
    async fn ask(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("the connection holds");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await.expect("the connection holds");
            assert!(read > 0, "the server closed the connection");
            if let Some((status, length)) = whole(&self.buffer)
                && self.buffer.len() >= length
            {
                return status;
            }
        }
    }
}

/// Status and length with headers of the answer in a buffer, once its headers are there.
fn whole(buffer: &[u8]) -> Option<(u16, usize)> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(buffer.get(..head)?).expect("headers are text");
    let status = text.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
    let length = text.lines().filter_map(|line| line.split_once(": ")).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().expect("a length"))
    });
    Some((status, head + 4 + length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), None);
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"), Some((200, 40)));
        assert_eq!(whole(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"), Some((204, 33)));
    }

    #[test]
    fn percentiles_are_taken_of_one_status() {
        let times = |from: u64, to: u64| (from..=to).map(Duration::from_millis).collect();
        let answers = BTreeMap::from([(200, times(1, 100)), (503, times(1000, 1000))]);
        let report = Report { took: Duration::from_secs(2), answers };
        assert_eq!(report.percentile(200, 50), Duration::from_millis(51));
        assert_eq!(report.percentile(503, 99), Duration::from_secs(1));
        assert_eq!(report.percentile(404, 99), Duration::ZERO);
        assert!((report.rate(200) - 50.0).abs() < 1e-9);
    }
}
