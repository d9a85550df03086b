//! A stack as a person asks for it: what is told of it, and how that looks on 80 columns.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use serde::Serialize;
use tracklore_operator::api::v1alpha1::TrackloreStack;

use crate::{
    Error,
    backlog::{self, Waiting},
    dependencies::{self, Dependency},
    happened::{self, Happening, Told, often},
    picture::{self, Part},
    target::Target,
    terminal::{Terminal, Tone, WIDTH, ago, columns, wrap},
    versions::Versions,
};

/// How many of the last events are told.
const EVENTS: usize = 5;
/// Conditions that are good when they are false.
const NEGATIVE: [&str; 3] = ["Progressing", "Degraded", "Stalled"];

/// All that is told of a stack.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    name: String,
    namespace: String,
    /// The version asked for.
    version: String,
    /// The version that was rolled out last.
    running: Option<String>,
    url: String,
    ready: bool,
    /// Whether it's asked to rest.
    suspended: bool,
    summary: String,
    since: Option<Timestamp>,
    /// Whether the operator has seen the present spec.
    current: bool,
    parts: Vec<Part>,
    /// Postgres, Kafka and Redis where the operator doesn't run them.
    dependencies: Vec<Dependency>,
    /// What waits in the services.
    waiting: Waiting,
    /// Conditions that aren't as they should be.
    notes: Vec<Note>,
    /// What happened last, the same words once.
    events: Vec<Told>,
    versions: Versions,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Note {
    condition: String,
    reason: String,
    message: String,
    since: Timestamp,
    /// Something is wrong, rather than under way.
    wrong: bool,
}

impl Report {
    /// Looks at a stack.
    pub async fn of(target: &Target, versions: Versions) -> Result<Self, Error> {
        let ((parts, pods), happenings) = futures::try_join!(picture::parts(target), happened::read(target))?;
        let waiting = backlog::read(target, &pods).await;
        Ok(Self { waiting, versions, ..Self::new(&target.stack, parts, &happenings) })
    }

    fn new(stack: &TrackloreStack, parts: Vec<Part>, happenings: &[Happening]) -> Self {
        let status = stack.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let own = format!("TrackloreStack/{}", stack.name_any());
        let told = happenings.iter().filter(|happening| happening.object == own || happening.warning);
        let mut events = happened::fold(told);
        events.drain(..events.len().saturating_sub(EVENTS));
        Self {
            name: stack.name_any(),
            namespace: stack.namespace().unwrap_or_default(),
            version: stack.spec.version.clone(),
            running: status.version,
            url: stack.spec.public_url.clone(),
            ready: ready.is_some_and(|condition| condition.status == "True"),
            suspended: stack.spec.suspended,
            summary: ready.map_or_else(
                || "the operator has said nothing about this stack yet; is it running?".to_owned(),
                |condition| condition.message.clone(),
            ),
            since: ready.map(|condition| condition.last_transition_time.0),
            current: status.observed_generation == stack.metadata.generation,
            parts,
            dependencies: dependencies::of(stack),
            waiting: Waiting::default(),
            versions: Versions::own(),
            notes: status
                .conditions
                .iter()
                .filter(|condition| condition.type_ != "Ready")
                .filter_map(note)
                .collect(),
            events,
        }
    }

    /// Whether the stack serves, or rests as it should, and nothing is on its way to what the spec asks for.
    pub fn is_settled(&self) -> bool {
        let rolled_out = |part: &Part| part.ready >= part.desired && part.updated >= part.desired;
        (self.ready || self.suspended)
            && self.current
            && !self.has("Progressing")
            && self.parts.iter().all(rolled_out)
    }

    /// Whether nothing goes on until somebody does something.
    pub fn is_stalled(&self) -> bool {
        let given_up = ["RestoreFailed", "RepublishFailed"];
        let in_vain = self.notes.iter().any(|note| given_up.contains(&note.reason.as_str()));
        self.current && (self.has("Stalled") || in_vain)
    }

    fn has(&self, condition: &str) -> bool {
        self.notes.iter().any(|note| note.condition == condition)
    }

    /// What is under way, on one line.
    pub fn progress(&self) -> String {
        let (word, _) = self.word();
        // What keeps a stack from being ready says more than what is under way.
        let serves = self.ready || self.suspended;
        let note = self.notes.iter().find(|note| serves && note.condition == "Progressing");
        let sentence = note.map_or(&self.summary, |note| &note.message);
        let moving = self.parts.iter().filter(|part| part.ready.min(part.updated) < part.desired);
        let parts: Vec<_> = moving.map(|part| format!("{} {}", part.name, pods(part))).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        format!("{word}: {sentence}{parts}")
    }

    fn word(&self) -> (&'static str, Tone) {
        if self.ready { ("Ready", Tone::Good) } else { ("Not ready", Tone::Bad) }
    }

    /// On a screen of 80 columns.
    pub fn text(&self, now: Timestamp, terminal: Terminal) -> String {
        let mut lines = Vec::new();
        let (word, tone) = self.word();
        let since = self.since.map(|since| format!(" for {}", ago(now, since))).unwrap_or_default();
        let version = match &self.running {
            Some(running) if *running != self.version => format!("{running} → {}", self.version),
            _ => self.version.clone(),
        };
        let name = terminal.paint(Tone::Strong, &format!("{}/{}", self.namespace, self.name));
        lines.push(format!("{name}  {version}  {}{since}", terminal.paint(tone, word)));
        lines.push(wrap(&self.summary, "  ", WIDTH));
        if !self.current {
            lines.push(wrap("the operator hasn't seen the latest change of the spec yet", "  ", WIDTH));
        }
        lines.push(String::new());
        lines.extend(parts(self, now, terminal));
        lines.extend(dependencies::text(&self.dependencies, now, terminal));
        for note in &self.notes {
            let tone = if note.wrong { Tone::Bad } else { Tone::Warning };
            let head = format!("{} ({}) for {}", note.condition, note.reason, ago(now, note.since));
            lines.push(String::new());
            lines.push(terminal.paint(tone, &head));
            lines.push(wrap(&note.message, "  ", WIDTH));
        }
        let waiting = self.waiting.sentences();
        if !waiting.is_empty() {
            lines.push(String::new());
            lines.push(terminal.paint(Tone::Strong, "What waits"));
            lines.extend(waiting.iter().map(|sentence| wrap(sentence, "  ", WIDTH)));
        }
        lines.extend(self.happened(now, terminal));
        lines.push(String::new());
        let tone = if self.versions.fit() { Tone::Quiet } else { Tone::Warning };
        lines.push(terminal.paint(tone, &wrap(&self.versions.sentence(), "", WIDTH)));
        lines.push(String::new());
        lines.join("\n")
    }

    fn happened(&self, now: Timestamp, terminal: Terminal) -> Vec<String> {
        if self.events.is_empty() {
            return Vec::new();
        }
        let own = format!("TrackloreStack/{}", self.name);
        let mut lines = vec![String::new(), terminal.paint(Tone::Strong, "Last events")];
        for told in &self.events {
            let whom = match told.objects.as_slice() {
                [object] if *object == own => String::new(),
                [object] => format!("  {object}"),
                objects => format!("  {} objects", objects.len()),
            };
            let tone = if told.warning { Tone::Warning } else { Tone::Quiet };
            let head = format!("{:>5} ago  {}{whom}", ago(now, told.at), often(&told.reason, told.times));
            lines.push(terminal.paint(tone, &head));
            lines.push(wrap(&told.note, "           ", WIDTH));
        }
        lines
    }
}

/// What isn't as it should be.
fn note(condition: &Condition) -> Option<Note> {
    let negative = NEGATIVE.contains(&condition.type_.as_str());
    let good = if negative { "False" } else { "True" };
    (condition.status != good).then(|| Note {
        condition: condition.type_.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        since: condition.last_transition_time.0,
        wrong: matches!(condition.type_.as_str(), "Degraded" | "Stalled"),
    })
}

fn parts(report: &Report, now: Timestamp, terminal: Terminal) -> Vec<String> {
    let mut rows = vec![["PART", "PODS", "RESTARTS", "AGE", "IMAGE"].map(str::to_owned).to_vec()];
    for part in &report.parts {
        rows.push(vec![
            part.name.clone(),
            pods(part),
            part.restarts.to_string(),
            part.since.map(|since| ago(now, since)).unwrap_or_default(),
            short(&part.image),
        ]);
    }
    let mut lines = Vec::new();
    for (index, line) in columns(&rows).into_iter().enumerate() {
        let part = index.checked_sub(1).and_then(|index| report.parts.get(index));
        let tone = match part {
            None => Some(Tone::Quiet),
            Some(part) if part.ready < part.desired => Some(Tone::Bad),
            Some(part) if part.updated < part.desired => Some(Tone::Warning),
            Some(_) => None,
        };
        lines.push(format!("  {}", tone.map_or(line.clone(), |tone| terminal.paint(tone, &line))));
        if let Some(trouble) = part.and_then(|part| part.trouble.as_ref()) {
            lines.push(wrap(trouble, "      ", WIDTH));
        }
    }
    lines
}

/// How many pods are ready, and while they are replaced, how many are as the newest spec says.
fn pods(part: &Part) -> String {
    let Part { ready, desired, updated, .. } = part;
    if updated < desired { format!("{ready}/{desired}, {updated} new") } else { format!("{ready}/{desired}") }
}

/// An image without its registry, and with little of a long digest or tag.
fn short(image: &str) -> String {
    const LONGEST: usize = 40;
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let head: String = name.chars().take(LONGEST - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backlog::Backlog;

    fn stack(ready: &str, degraded: &str) -> TrackloreStack {
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": message,
                "observedGeneration": 2, "lastTransitionTime": "2026-01-01T10:00:00Z"})
        };
        serde_json::from_value(json!({
            "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack",
            "metadata": {"name": "demo", "namespace": "demo", "generation": 2},
            "spec": {"version": "0.1.0", "publicUrl": "http://localhost:8080",
                "postgres": {"managed": {}}, "kafka": {"managed": {}}, "redis": {"managed": {}},
                "auth": {"emailVerification": "Optional"}},
            "status": {"observedGeneration": 2, "version": "0.1.0", "conditions": [
                condition("Ready", ready, "Serving", "the stack serves at http://localhost:8080"),
                condition("Degraded", degraded, "DependencyDown",
                    "0 of 1 pods of StatefulSet demo-kafka are ready: container kafka needed more memory than its limit; raise resources.limits.memory"),
                condition("KafkaReady", if degraded == "True" { "False" } else { "True" }, "NotReady", "0 of 1 pods of StatefulSet demo-kafka are ready"),
            ]}
        }))
        .unwrap()
    }

    fn golden(name: &str, text: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("goldens");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, text));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn parts(ready: i32) -> Vec<Part> {
        let part = |name: &str, ready, image: &str| Part {
            name: name.to_owned(),
            desired: 1,
            ready,
            updated: 1,
            restarts: 1 - ready,
            since: Some(at("2026-01-01T11:00:00Z")),
            image: image.to_owned(),
            trouble: (ready == 0).then(|| {
                "container kafka needed more memory than its limit; raise resources.limits.memory".to_owned()
            }),
        };
        vec![
            part("auth", 1, "ghcr.io/tracklore/auth:0.1.0-5ad366972f39"),
            part("kafka", ready, "docker.io/apache/kafka:4.3.1"),
        ]
    }

    fn told(ready: &str, degraded: &str) -> String {
        let happened = Happening {
            at: at("2026-01-01T11:58:00Z"),
            warning: true,
            object: "TrackloreStack/demo".to_owned(),
            reason: "DependencyDown".to_owned(),
            note: "0 of 1 pods of StatefulSet demo-kafka are ready".to_owned(),
            times: 3,
        };
        let happened: &[_] = if degraded == "True" { &[happened] } else { &[] };
        let report = Report::new(&stack(ready, degraded), parts(i32::from(degraded == "False")), happened);
        let late = Backlog { part: "feed".into(), unapplied: 12.0, behind: 65.0, ..Backlog::default() };
        let mut waiting = Waiting::default();
        waiting.backlogs.extend((degraded == "True").then_some(late));
        let versions = Versions { plugin: "0.1.0".into(), operator: Some("0.1.0".into()) };
        Report { waiting, versions, ..report }.text(at("2026-01-01T12:00:00Z"), Terminal::plain())
    }

    #[test]
    fn a_stack_that_serves_fits_on_a_few_lines() {
        golden("serving", &told("True", "False"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_reason_and_within_80_columns() {
        let told = told("False", "True");
        assert!(told.lines().all(|line| line.chars().count() <= WIDTH), "{told}");
        golden("broken", &told);
    }

    #[test]
    fn what_rolls_is_told_on_a_line_and_isnt_settled() {
        let settled = Report::new(&stack("True", "False"), parts(1), &[]);
        assert!(settled.is_settled());
        let mut rolling = parts(1);
        rolling[0].updated = 0;
        let report = Report::new(&stack("True", "False"), rolling, &[]);
        assert!(!report.is_settled());
        assert_eq!(report.progress(), "Ready: the stack serves at http://localhost:8080 (auth 1/1, 0 new)");
    }
}
