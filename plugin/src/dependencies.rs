//! Postgres, Kafka and Redis that the operator doesn't run: which they are, and whether the stack can use them.

use jiff::Timestamp;
use serde::Serialize;
use tracklore_operator::{
    api::v1alpha1::{TrackloreStack, TrackloreStackSpec},
    stack::{component::Component, validate},
};

use crate::terminal::{Terminal, Tone, WIDTH, ago, wrap};

/// Such a dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// `postgres`, `kafka` or `redis`.
    name: String,
    /// Who runs it.
    run_by: RunBy,
    /// What it is there.
    at: String,
    /// Whether it serves the stack; what keeps it from that, its condition says.
    ready: bool,
    /// Since when that is so.
    since: Option<Timestamp>,
}

/// Who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum RunBy {
    /// `CloudNativePG`.
    CloudNativePG,
    /// Strimzi.
    Strimzi,
    /// Somebody, somewhere.
    Others,
}

/// Those of a stack, by its spec and its conditions.
pub fn of(stack: &TrackloreStack) -> Vec<Dependency> {
    let postgres = validate::names(stack).of(Component::Postgres);
    let conditions = stack.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let dependency = |(name, condition, (run_by, at)): (&str, &str, (RunBy, String))| {
        let condition = conditions.iter().find(|told| told.type_ == condition);
        Dependency {
            name: name.to_owned(),
            run_by,
            at,
            ready: condition.is_some_and(|condition| condition.status == "True"),
            since: condition.map(|condition| condition.last_transition_time.0),
        }
    };
    let TrackloreStackSpec { kafka, redis, .. } = &stack.spec;
    let all = [
        ("postgres", "PostgresReady", foreign_postgres(&stack.spec, postgres)),
        ("kafka", "KafkaReady", {
            let strimzi = kafka.strimzi.as_ref();
            let strimzi = strimzi.map(|it| (RunBy::Strimzi, format!("Kafka {}", it.cluster_ref.name)));
            let others = kafka.external.as_ref();
            strimzi.or_else(|| others.map(|it| (RunBy::Others, it.bootstrap_servers.join(", "))))
        }),
        ("redis", "RedisReady", {
            let others = redis.external.as_ref();
            others.map(|it| (RunBy::Others, format!("as Secret {} says", it.url_secret_ref.name)))
        }),
    ];
    let foreign = all.into_iter().filter_map(|(name, condition, where_)| Some((name, condition, where_?)));
    foreign.map(dependency).collect()
}

fn foreign_postgres(spec: &TrackloreStackSpec, own: String) -> Option<(RunBy, String)> {
    let delegated = spec.postgres.cloud_native_pg.as_ref().map(|asked| {
        let cluster = asked.cluster_ref.as_ref().map_or(own, |cluster| cluster.name.clone());
        (RunBy::CloudNativePG, format!("Cluster {cluster}"))
    });
    let others = spec.postgres.external.as_ref();
    delegated.or_else(|| others.map(|it| (RunBy::Others, format!("{}:{}", it.host, it.port))))
}

/// A line for each, below one that says what they are; nothing where there are none.
pub fn text(dependencies: &[Dependency], now: Timestamp, terminal: Terminal) -> Vec<String> {
    if dependencies.is_empty() {
        return Vec::new();
    }
    let heading = [String::new(), terminal.paint(Tone::Strong, "Run by others")];
    heading.into_iter().chain(dependencies.iter().map(|it| it.line(now, terminal))).collect()
}

impl Dependency {
    fn line(&self, now: Timestamp, terminal: Terminal) -> String {
        let Self { name, run_by, at, ready, since } = self;
        let whose = match run_by {
            RunBy::CloudNativePG => " of CloudNativePG",
            RunBy::Strimzi => " of Strimzi",
            RunBy::Others => "",
        };
        let is = if *ready { "ready" } else { "not ready" };
        let since = since.map(|since| format!(" for {}", ago(now, since))).unwrap_or_default();
        let sentence = wrap(&format!("{at}{whose}, {is}{since}"), &" ".repeat(12), WIDTH);
        let line = format!("  {name:<8}  {}", sentence.trim_start());
        if *ready { line } else { terminal.paint(Tone::Bad, &line) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::file;

    fn told(stack: &TrackloreStack) -> Vec<String> {
        text(&of(stack), "2026-01-01T12:00:00Z".parse().unwrap(), Terminal::plain())
    }

    /// The stack of an example, of whose dependencies Postgres is ready for two hours and the others aren't.
    fn stack(example: &str) -> TrackloreStack {
        let mut stack = file::parse(example, None, "default").unwrap();
        let conditions: Vec<Value> =
            [("PostgresReady", "True"), ("KafkaReady", "False"), ("RedisReady", "False")]
                .map(|(kind, status)| {
                    json!({"type": kind, "status": status, "reason": "R", "message": "m",
                    "lastTransitionTime": "2026-01-01T10:00:00Z"})
                })
                .into();
        stack.status = Some(serde_json::from_value(json!({"conditions": conditions})).unwrap());
        stack
    }

    #[test]
    fn what_the_operator_runs_is_not_among_them() {
        assert!(told(&stack(include_str!("../../examples/minimal.yaml"))).is_empty());
    }

    #[test]
    fn who_runs_them_and_whether_they_serve_is_told() {
        let delegated = told(&stack(include_str!("../../examples/delegated.yaml")));
        assert!(delegated[2].contains(" of CloudNativePG, ready for 2h"), "{delegated:?}");
        assert!(delegated[3].contains(" of Strimzi, not ready for 2h"), "{delegated:?}");
        let external = told(&stack(include_str!("../../examples/external.yaml")));
        assert_eq!(external.len(), 5, "{external:?}");
        assert!(
            external[2].starts_with("  postgres  ") && external[4].contains("as Secret "),
            "{external:?}"
        );
    }

    #[test]
    fn many_servers_take_more_lines() {
        let mut stack = stack(include_str!("../../examples/external.yaml"));
        let servers = (0..5).map(|number| format!("kafka-{number}.example.org:9093"));
        stack.spec.kafka.external.as_mut().unwrap().bootstrap_servers = servers.collect();
        let told = told(&stack).join("\n");
        assert!(told.lines().all(|line| line.chars().count() <= WIDTH), "{told}");
    }
}
