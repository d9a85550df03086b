//! The one node of a Kafka that stands in for Strimzi's: its names, and Kafka's own tools in its pod.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::LABEL;
use crate::shell;

/// Any will do; it has to be one of Kafka's own form.
pub(super) const CLUSTER_ID: &str = "TrackloreTestStrimzi00";
const PORT: u16 = 9093;
const PATIENCE: Duration = Duration::from_mins(2);
/// Small and quick to start; the archive holds what the tool before has loaded.
const JAVA: [&str; 10] = [
    "java",
    "-Xmx96m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "-XX:+AutoCreateSharedArchive",
    "-XX:SharedArchiveFile=/tmp/tools.jsa",
    "-Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml",
];

/// Where a Kafka is.
#[derive(Clone)]
pub(super) struct Broker {
    pub(super) namespace: String,
    pub(super) cluster: String,
}

impl Broker {
    pub(super) fn new(namespace: &str, cluster: &str) -> Self {
        Self { namespace: namespace.to_owned(), cluster: cluster.to_owned() }
    }

    /// The node's pod.
    pub(super) fn pod(&self) -> String {
        format!("{}-dual-0", self.cluster)
    }

    /// The label of objects that are about this cluster.
    pub(super) fn selector(&self) -> String {
        format!("{LABEL}={}", self.cluster)
    }

    /// The names under which clients may reach the node.
    pub(super) fn certified_names(&self) -> Vec<String> {
        let Self { namespace, cluster } = self;
        let mut names = Vec::new();
        for service in ["bootstrap", "brokers"].map(|service| format!("{cluster}-kafka-{service}")) {
            let long = ["", ".svc", ".svc.cluster.local"].map(|end| format!("{service}.{namespace}{end}"));
            names.push(service);
            names.extend(long);
        }
        let node = format!("{}.{cluster}-kafka-brokers.{namespace}.svc", self.pod());
        names.extend([format!("{node}.cluster.local"), node]);
        names
    }

    /// What the status of the `Kafka` tells of it.
    pub(super) fn status(&self, authority: &str) -> Value {
        let host = format!("{}-kafka-bootstrap.{}.svc", self.cluster, self.namespace);
        json!({
            "clusterId": CLUSTER_ID,
            "listeners": [{
                "name": "tls",
                "addresses": [{"host": host, "port": PORT}],
                "bootstrapServers": format!("{host}:{PORT}"),
                "certificates": [authority]
            }]
        })
    }

    /// Runs one of Kafka's tools as a superuser: what it printed, or Kafka's own sentence on what is wrong.
    pub(super) async fn tool(&self, class: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let pod = self.pod();
        let mut command = vec!["exec", "-i", "-n", &self.namespace, &pod, "--"];
        command.extend(JAVA);
        command.extend(["-cp", "/opt/kafka/libs/*", class, "--bootstrap-server", "127.0.0.1:9092"]);
        command.extend(arguments);
        // a tool that doesn't reach Kafka would try for ever
        let ended = timeout(PATIENCE, shell::run_with("kubectl", &command, input)).await;
        let output = ended.unwrap_or_else(|_| Err(format!("{class} took more than {PATIENCE:?}")));
        output.map_err(|complaint| {
            let sentence = complaint.lines().find_map(|line| line.split_once("Exception: "));
            sentence.map_or(complaint.clone(), |(_, sentence)| sentence.to_owned())
        })
    }
}
