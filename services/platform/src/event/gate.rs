//! The gate of event versions. Consumers pass over types that they don't know, so a version that is published before all
//! of them know it is lost on the others. Therefore the first version of a type is published, until the configuration
//! says that every consumer knows a later one.

use std::sync::OnceLock;

use super::Event;

/// What may be published.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct EventArgs {
    /// Later versions of events that every consumer knows, such as `tracklore.post.created.v2`, separated by commas: each
    /// is published instead of the one before. Set it when all services that read the topic run a release that knows it.
    #[arg(long, env = "TRACKLORE_EVENT_VERSIONS", value_delimiter = ',', value_parser = later)]
    pub event_versions: Vec<String>,
}

/// What this process may publish; nothing but first versions before it is told.
static OPEN: OnceLock<Vec<String>> = OnceLock::new();

/// Opens the gate, once for the process.
pub fn open(args: &EventArgs) {
    // a second time says the same: settings don't change while a process runs
    drop(OPEN.set(args.event_versions.clone()));
}

impl Event {
    /// The event in a later version, if the gate is open for it; else as it is. Versions follow one another:
    /// `v1.or("….v2", …).or("….v3", …)`.
    #[must_use]
    pub fn or(self, later: &'static str, payload: impl FnOnce() -> serde_json::Value) -> Self {
        let open = OPEN.get().map_or(&[][..], Vec::as_slice);
        self.or_if(open, later, payload)
    }

    fn or_if(
        self,
        open: &[String],
        later: &'static str,
        payload: impl FnOnce() -> serde_json::Value,
    ) -> Self {
        if open.iter().any(|open| open == later) {
            Self { r#type: later, payload: payload(), ..self }
        } else {
            self
        }
    }
}

/// A type in a version after the first.
fn later(text: &str) -> Result<String, String> {
    let version = text.strip_prefix("tracklore.").and_then(|rest| rest.rsplit_once(".v"));
    match version.and_then(|(_, version)| version.parse::<u32>().ok()) {
        Some(2..) => Ok(text.to_owned()),
        _ => Err("give types in a version after the first, such as tracklore.post.created.v2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::time::Timestamp;

    fn first() -> Event {
        Event {
            aggregate_type: "post",
            aggregate_id: "p".into(),
            r#type: "tracklore.post.created.v1",
            sequence: 3,
            occurred_at: Timestamp::from_unix_millis(0),
            payload: json!({"tag": "a"}),
        }
    }

    fn published(open: &[&str]) -> Event {
        let open: Vec<_> = open.iter().map(|text| later(text).unwrap()).collect();
        first().or_if(&open, "tracklore.post.created.v2", || json!({"tags": ["a"]})).or_if(
            &open,
            "tracklore.post.created.v3",
            || json!({"tags": {"a": true}}),
        )
    }

    #[test]
    fn a_later_version_is_published_only_when_the_gate_is_open_for_it() {
        let shut = published(&["tracklore.post.updated.v2"]);
        assert_eq!((shut.r#type, shut.payload), ("tracklore.post.created.v1", json!({"tag": "a"})));
        let second = published(&["tracklore.post.created.v2"]);
        assert_eq!((second.r#type, &second.payload), ("tracklore.post.created.v2", &json!({"tags": ["a"]})));
        assert_eq!((second.sequence, second.aggregate_id.as_str()), (3, "p"));
        let third = published(&["tracklore.post.created.v2", "tracklore.post.created.v3"]);
        assert_eq!(third.r#type, "tracklore.post.created.v3");
    }

    #[test]
    fn a_process_that_was_told_nothing_publishes_first_versions() {
        let event = first().or("tracklore.post.created.v2", || unreachable!("the gate is shut"));
        assert_eq!(event.r#type, "tracklore.post.created.v1");
    }

    #[test]
    fn only_later_versions_can_be_named() {
        for wrong in
            ["", "tracklore.post.created", "tracklore.post.created.v1", "post.created.v2", "tracklore.v2x"]
        {
            assert!(later(wrong).is_err(), "{wrong}");
        }
        assert!(later("tracklore.post.created.v12").is_ok());
    }
}
