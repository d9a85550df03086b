//! The logs of containers, line by line: of those that there are, and while they are followed, of those that come.

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    time::Duration,
};

use futures::{
    AsyncBufReadExt, StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::{Api, ResourceExt, api::LogParams};
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{Error, picture, target::Target};

/// How often pods are looked for that have come.
const PACE: Duration = Duration::from_secs(1);

/// A line, when it was written and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// RFC 3339 in UTC: the order of the texts is that of the times.
    pub time: String,
    /// The part of the stack.
    pub part: String,
    /// Its pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Whether it isn't the one that the part is named after, and there are others.
    #[serde(skip)]
    pub beside: bool,
    /// What was written.
    pub text: String,
}

/// A container that has started: another one after each start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    pod: String,
    part: String,
    container: String,
    /// As of a [`Line`].
    beside: bool,
    id: String,
}

/// A line, or the end of a log: a source that goes on is opened again.
type Piece = (Source, Option<io::Result<String>>);

/// The logs.
pub struct Tail<'a> {
    target: &'a Target,
    parts: &'a [String],
    since: i64,
    follow: bool,
    open: HashSet<Source>,
    /// When the last line of a source was written.
    last: HashMap<Source, String>,
    /// Up to when the lines have been told of a log that was opened again: it begins with the second that it ended in.
    told: HashMap<Source, String>,
    /// Of which it was said that they can't be read.
    refused: HashSet<Source>,
    lines: SelectAll<BoxStream<'static, Piece>>,
    look: Interval,
}

impl<'a> Tail<'a> {
    /// Opens the logs of some parts, or of all when none is named, as far back as `since` seconds.
    pub async fn open(
        target: &'a Target,
        parts: &'a [String],
        since: i64,
        follow: bool,
    ) -> Result<Self, Error> {
        let mut look = interval(PACE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tail = Self {
            target,
            parts,
            since,
            follow,
            open: HashSet::new(),
            last: HashMap::new(),
            told: HashMap::new(),
            refused: HashSet::new(),
            lines: SelectAll::new(),
            look,
        };
        tail.look_for_sources().await?;
        Ok(tail)
    }

    /// The next line; none in the end, which never comes while logs are followed.
    pub async fn next(&mut self) -> Result<Option<Line>, Error> {
        loop {
            let piece = tokio::select! {
                piece = self.lines.next(), if !self.lines.is_empty() => piece,
                _ = self.look.tick(), if self.follow => {
                    self.look_for_sources().await?;
                    continue;
                }
                else => None,
            };
            let Some((source, piece)) = piece else {
                if self.follow {
                    continue;
                }
                return Ok(None);
            };
            match piece {
                Some(Ok(text)) => {
                    let line = source.line(&text);
                    if self.told.get(&source).is_none_or(|told| *told < line.time) {
                        self.told.remove(&source);
                        self.last.insert(source, line.time.clone());
                        return Ok(Some(line));
                    }
                }
                // One line, or the rest: then its end follows.
                Some(Err(error)) => eprintln!("a part of the {source} can't be read: {error}"),
                None => drop(self.open.remove(&source)),
            }
        }
    }

    /// Opens the logs that aren't yet.
    async fn look_for_sources(&mut self) -> Result<(), Error> {
        let pods: Api<Pod> = self.target.api();
        for pod in pods.list(&self.target.parts()).await?.items {
            for (source, runs) in sources(&pod) {
                let wanted = self.parts.is_empty() || self.parts.contains(&source.part);
                let ended = self.last.contains_key(&source) && !runs;
                if !wanted || ended || self.open.contains(&source) {
                    continue;
                }
                self.read(&pods, source).await;
            }
        }
        Ok(())
    }

    async fn read(&mut self, pods: &Api<Pod>, source: Source) {
        let told = self.last.get(&source).filter(|last| !last.is_empty()).cloned();
        let last = told.as_ref().and_then(|last| last.parse::<Timestamp>().ok());
        let parameters = LogParams {
            container: Some(source.container.clone()),
            follow: self.follow,
            since_seconds: last.is_none().then_some(self.since),
            since_time: last,
            timestamps: true,
            ..LogParams::default()
        };
        self.open.insert(source.clone());
        match pods.log_stream(&source.pod, &parameters).await {
            Ok(lines) => {
                // Even a log without a line has been read.
                self.last.entry(source.clone()).or_default();
                self.told.extend(told.map(|told| (source.clone(), told)));
                let (of, end) = (source.clone(), stream::once(std::future::ready((source, None))));
                let lines = lines.lines().map(move |line| (of.clone(), Some(line)));
                self.lines.push(lines.chain(end).boxed());
            }
            Err(error) => {
                self.open.remove(&source);
                if self.refused.insert(source.clone()) {
                    eprintln!("the {source} can't be read: {error}");
                }
            }
        }
    }
}

impl Source {
    fn line(&self, line: &str) -> Line {
        let (time, text) = line.split_once(' ').unwrap_or(("", line));
        Line {
            time: time.to_owned(),
            part: self.part.clone(),
            pod: self.pod.clone(),
            container: self.container.clone(),
            beside: self.beside,
            text: text.to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "log of {} in {}", self.container, self.pod)
    }
}

/// The containers of a pod that have started, and whether they run. One that waits to be started again has a log; one that
/// waits for its first start has no id.
fn sources(pod: &Pod) -> Vec<(Source, bool)> {
    let part = picture::component(pod);
    let status = pod.status.clone().unwrap_or_default();
    let all = status.init_container_statuses.into_iter().chain(status.container_statuses).flatten();
    let all: Vec<ContainerStatus> = all.collect();
    let several = all.len() > 1;
    let started = all.into_iter().filter_map(|container| {
        let runs = container.state.is_some_and(|state| state.running.is_some());
        let id = container.container_id.filter(|id| !id.is_empty())?;
        let beside = several && container.name != part;
        let source =
            Source { pod: pod.name_any(), part: part.clone(), container: container.name, beside, id };
        Some((source, runs))
    });
    started.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn container(name: &str, state: &Value) -> Value {
        json!({"name": name, "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "containerID": format!("containerd://{name}"), "state": state})
    }

    fn told(containers: &[Value]) -> Vec<(Option<String>, bool)> {
        let pod = json!({
            "metadata": {"name": "demo-feed-1", "labels": {"app.kubernetes.io/component": "feed"}},
            "status": {"containerStatuses": containers},
        });
        let sources = sources(&serde_json::from_value(pod).unwrap());
        let lines = sources.iter().map(|(source, runs)| (source.line("t text"), *runs));
        lines.map(|(line, runs)| (line.beside.then_some(line.container), runs)).collect()
    }

    #[test]
    fn containers_beside_a_parts_own_have_their_name_before_their_lines() {
        let running = json!({"running": {}});
        assert_eq!(told(&[container("feed", &running)]), [(None, true)]);
        let ended = json!({"terminated": {"exitCode": 0}});
        assert_eq!(
            told(&[container("feed", &running), container("proxy", &ended)]),
            [(None, true), (Some("proxy".to_owned()), false)]
        );
    }

    #[test]
    fn what_has_not_started_has_no_log_yet_and_what_starts_again_and_again_has_one() {
        let mut first = container("feed", &json!({"waiting": {"reason": "PodInitializing"}}));
        first["containerID"] = json!("");
        assert!(told(&[first]).is_empty());
        let again = container("feed", &json!({"waiting": {"reason": "CrashLoopBackOff"}}));
        assert_eq!(told(&[again]), [(None, false)]);
    }
}
