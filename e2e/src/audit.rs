//! What the operator asked of the API server, from the server's own audit log.

use std::process::Command;

use serde_json::Value;

/// The node that runs the API server of `make up`.
const NODE: &str = "tracklore-control-plane";
const LOG: &str = "/var/log/kubernetes/audit.log";
/// Requests that change something.
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// One request of the operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// What was asked for: `get`, `patch`, ….
    pub verb: String,
    /// Of what: `deployments`, `tracklorestacks/status`, ….
    pub resource: String,
    /// Of which; empty for lists.
    pub name: String,
    /// The answer's status.
    pub code: u64,
    /// When, in RFC 3339.
    pub time: String,
}

impl Request {
    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }
}

/// The operator's requests for a namespace, in their order.
pub fn requests(namespace: &str) -> Vec<Request> {
    let output = Command::new("docker").args(["exec", NODE, "cat", LOG]).output().expect("docker runs");
    assert!(
        output.status.success(),
        "the audit log can't be read: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut requests: Vec<_> = events
        .filter(|event| event["stage"] == "ResponseComplete" && event["objectRef"]["namespace"] == namespace)
        .map(|event| request(&event))
        .collect();
    requests.sort_by(|one, other| one.time.cmp(&other.time));
    requests
}

fn request(event: &Value) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    let resource = match object["subresource"].as_str() {
        Some(part) => format!("{}/{part}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    Request {
        verb: text(&event["verb"]),
        resource,
        name: text(&object["name"]),
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        time: text(&event["requestReceivedTimestamp"]),
    }
}
