//! Kubernetes Events: what a person would want to know of a stack, once each, told from the change of its conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use super::{GuardedStack, component::MANAGER};
use crate::api::v1alpha1::{TrackloreStack, TrackloreStackStatus};

/// The longest note that the API takes, in bytes.
const LONGEST: usize = 1024;

/// Publishes Events.
pub struct Announcer(Recorder);

impl Announcer {
    /// With this connection. The pod's name tells replicas apart.
    pub fn new(client: Client) -> Self {
        let instance = std::env::var("HOSTNAME").ok();
        Self(Recorder::new(client, Reporter { controller: MANAGER.into(), instance }))
    }

    /// Tells what has changed. An Event that can't be published is only logged: the conditions say the same.
    pub async fn tell(
        &self,
        stack: &GuardedStack,
        before: Option<&TrackloreStackStatus>,
        after: &TrackloreStackStatus,
    ) {
        let mut regarding = stack.object_ref(&());
        regarding.api_version = Some(TrackloreStack::api_version(&()).into_owned());
        regarding.kind = Some(TrackloreStack::kind(&()).into_owned());
        for news in news(before, after) {
            let event = Event {
                type_: if news.warning { EventType::Warning } else { EventType::Normal },
                reason: news.reason,
                note: Some(cut(news.note)),
                action: "Reconcile".into(),
                secondary: None,
            };
            if let Err(error) = self.0.publish(&event, &regarding).await {
                tracing::warn!(%error, reason = event.reason, "an Event couldn't be published");
            }
        }
    }
}

/// Something to tell.
#[derive(Debug, PartialEq, Eq)]
struct News {
    warning: bool,
    reason: String,
    note: String,
}

/// What a person would want to know.
fn news(before: Option<&TrackloreStackStatus>, after: &TrackloreStackStatus) -> Vec<News> {
    let find = |status: &TrackloreStackStatus, kind: &str| {
        status.conditions.iter().find(|condition| condition.type_ == kind).cloned()
    };
    let pair = |kind: &str| (before.and_then(|status| find(status, kind)), find(after, kind));
    let mut all = Vec::new();

    if let (was, Some(is)) = pair("Ready") {
        match (was.as_ref().is_some_and(holds), holds(&is)) {
            (false, true) => all.push(news_of(false, "Ready", &is)),
            // A stack that has never been ready is still being made.
            (true, false) => all.push(news_of(is.reason != "Suspended", &is.reason, &is)),
            _ => {}
        }
    }
    for kind in ["Degraded", "Stalled"] {
        let (was, Some(is)) = pair(kind) else { continue };
        let was = was.filter(holds);
        match (was, holds(&is)) {
            (Some(was), true) if was.reason == is.reason => {}
            (_, true) => all.push(news_of(true, &is.reason, &is)),
            (Some(_), false) => all.push(news_of(false, &format!("NoLonger{kind}"), &is)),
            (None, false) => {}
        }
    }
    if let (was, Some(is)) = pair("Progressing") {
        let rotates = |condition: &Condition| holds(condition) && condition.reason == "Rotating";
        match (was.as_ref().is_some_and(rotates), rotates(&is)) {
            (false, true) => all.push(news_of(false, "Rotating", &is)),
            // What is paused or stalled isn't over.
            (true, false) if holds(&is) => {
                let note = "logins have been replaced".to_owned();
                all.push(News { warning: false, reason: "Rotated".into(), note });
            }
            _ => {}
        }
    }
    let version = |status: &TrackloreStackStatus| status.version.clone();
    if let (Some(old), Some(new)) = (before.and_then(version), version(after))
        && old != new
    {
        let note = format!("version {new} serves; it was {old}");
        all.push(News { warning: false, reason: "VersionChanged".into(), note });
    }
    all
}

fn holds(condition: &Condition) -> bool {
    condition.status == "True"
}

fn news_of(warning: bool, reason: &str, condition: &Condition) -> News {
    News { warning, reason: reason.to_owned(), note: condition.message.clone() }
}

fn cut(mut note: String) -> String {
    note.truncate(note.floor_char_boundary(LONGEST));
    note
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(ready: &str, degraded: &str, version: &str) -> TrackloreStackStatus {
        let condition = |kind: &str, status: &str| {
            json!({"type": kind, "status": status, "reason": format!("{kind}{status}"), "message": "why",
                   "lastTransitionTime": "2026-01-01T00:00:00Z"})
        };
        serde_json::from_value(json!({
            "version": version,
            "conditions": [condition("Ready", ready), condition("Degraded", degraded), condition("Stalled", "False")],
        }))
        .unwrap()
    }

    fn reasons(before: Option<&TrackloreStackStatus>, after: &TrackloreStackStatus) -> Vec<(bool, String)> {
        news(before, after).into_iter().map(|news| (news.warning, news.reason)).collect()
    }

    #[test]
    fn a_stack_that_is_being_made_is_no_news_and_one_that_serves_is() {
        let making = status("False", "False", "0.1.0");
        assert_eq!(reasons(None, &making), []);
        let serving = status("True", "False", "0.1.0");
        assert_eq!(reasons(Some(&making), &serving), [(false, "Ready".to_owned())]);
        assert_eq!(reasons(Some(&serving), &serving), []);
    }

    #[test]
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let serving = status("True", "False", "0.1.0");
        let down = status("False", "True", "0.1.0");
        assert_eq!(
            reasons(Some(&serving), &down),
            [(true, "ReadyFalse".to_owned()), (true, "DegradedTrue".to_owned())]
        );
        assert_eq!(
            reasons(Some(&down), &serving),
            [(false, "Ready".to_owned()), (false, "NoLongerDegraded".to_owned())]
        );
    }

    #[test]
    fn a_rotation_is_told_when_it_begins_and_when_it_ends() {
        let serving = status("True", "False", "0.1.0");
        let mut rotating = serving.clone();
        let mut progressing = rotating.conditions[0].clone();
        (progressing.type_, progressing.reason) = ("Progressing".into(), "Rotating".into());
        rotating.conditions.push(progressing.clone());
        let mut preparing = serving.clone();
        preparing.conditions.push(Condition { reason: "Preparing".into(), ..progressing });
        assert_eq!(reasons(Some(&serving), &rotating), [(false, "Rotating".to_owned())]);
        assert_eq!(reasons(Some(&rotating), &rotating), []);
        assert_eq!(reasons(Some(&rotating), &preparing), [(false, "Rotated".to_owned())]);
        assert_eq!(reasons(Some(&rotating), &serving), [], "nothing is told of what isn't said");
        preparing.conditions.last_mut().unwrap().status = "False".into();
        assert_eq!(reasons(Some(&rotating), &preparing), [], "it stands still");
    }

    #[test]
    fn a_new_version_is_told_once_it_serves() {
        let old = status("True", "False", "0.1.0");
        assert_eq!(
            reasons(Some(&old), &status("True", "False", "0.2.0")),
            [(false, "VersionChanged".to_owned())]
        );
    }

    #[test]
    fn a_long_note_is_cut_between_characters() {
        assert_eq!(cut("ä".repeat(600)).len(), 1024);
        assert_eq!(cut(format!("a{}", "ä".repeat(600))).len(), 1023);
    }
}
