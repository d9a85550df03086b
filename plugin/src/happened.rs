//! What happened to a stack and its parts, as the cluster remembers it.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use serde::Serialize;

use crate::{Error, target::Target};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// When it happened last.
    pub at: Timestamp,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// What it happened to.
    pub object: String,
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub note: String,
    /// How often.
    pub times: i32,
}

/// What happened in the same words, to one thing or to several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// When it happened last.
    pub at: Timestamp,
    /// Whether somebody should look at it.
    pub warning: bool,
    /// What it happened to.
    pub objects: Vec<String>,
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub note: String,
    /// How often, to all of them.
    pub times: i32,
}

/// What happened to the stack and its parts, oldest first.
pub async fn read(target: &Target) -> Result<Vec<Happening>, Error> {
    let name = target.name();
    let events = target.api::<Event>().list(&ListParams::default()).await?.items.into_iter();
    let of_stack = |object: &str| object == name || object.starts_with(&format!("{name}-"));
    let mut happenings: Vec<_> = events
        .filter(|event| event.involved_object.name.as_deref().is_some_and(of_stack))
        .filter_map(happening)
        .collect();
    happenings.sort_by_key(|happening| happening.at);
    Ok(happenings)
}

fn happening(event: Event) -> Option<Happening> {
    let times = event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1);
    let series = event.series.and_then(|series| series.last_observed_time).map(|time| time.0);
    let at = series
        .or(event.last_timestamp.map(|time| time.0))
        .or(event.event_time.map(|time| time.0))
        .or(event.metadata.creation_timestamp.map(|time| time.0))?;
    let object = event.involved_object;
    let kind = object.kind.unwrap_or_default();
    Some(Happening {
        at,
        warning: event.type_.as_deref() == Some("Warning"),
        object: format!("{kind}/{}", object.name.unwrap_or_default()),
        reason: event.reason.unwrap_or_default(),
        note: event.message.unwrap_or_default(),
        times: times.max(1),
    })
}

/// The same with what happened in the same words put together, oldest first by its last time.
pub fn fold<'a>(happenings: impl Iterator<Item = &'a Happening>) -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    for Happening { at, warning, object, reason, note, times } in happenings {
        match all.iter_mut().find(|told| told.reason == *reason && told.note == *note) {
            Some(told) => {
                told.at = told.at.max(*at);
                told.times = told.times.saturating_add(*times);
                if !told.objects.contains(object) {
                    told.objects.push(object.clone());
                }
            }
            None => all.push(Told {
                at: *at,
                warning: *warning,
                objects: vec![object.clone()],
                reason: reason.clone(),
                note: note.clone(),
                times: *times,
            }),
        }
    }
    all.sort_by_key(|told| told.at);
    all
}

/// A reason, and how often when it wasn't once.
pub fn often(reason: &str, times: i32) -> String {
    if times > 1 { format!("{reason} ×{times}") } else { reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_in_the_same_words_is_told_once_at_its_last_time() {
        let happening = |at: i64, object: &str, note: &str, times| Happening {
            at: Timestamp::from_second(at).unwrap(),
            warning: true,
            object: object.to_owned(),
            reason: "Unhealthy".to_owned(),
            note: note.to_owned(),
            times,
        };
        let all = [
            happening(1, "Pod/a", "503", 3),
            happening(2, "Pod/a", "404", 1),
            happening(3, "Pod/b", "503", 2),
            happening(4, "Pod/a", "503", 1),
        ];
        let folded = fold(all.iter());
        let told: Vec<_> =
            folded.iter().map(|told| (told.at.as_second(), told.note.as_str(), told.times)).collect();
        assert_eq!(told, [(2, "404", 1), (4, "503", 6)]);
        assert_eq!(folded[1].objects, ["Pod/a", "Pod/b"]);
        assert_eq!((often("Ready", 1), often("Ready", 6)), ("Ready".to_owned(), "Ready ×6".to_owned()));
    }
}
