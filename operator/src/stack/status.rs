//! What is told about a stack: pure, so that the same picture always gives the same words.

mod backup;
mod dependency;
mod jobs;
mod restoring;
mod view;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use self::view::View;
use super::{
    apply::Outcome,
    component::Component,
    observed::Observed,
    plan::Plan,
    rollout,
    validate::{Refusal, ValidStack},
};
use crate::api::v1alpha1::TrackloreStackStatus;

/// All conditions, in the order in which they are told.
pub const CONDITIONS: [&str; 10] = [
    "Ready",
    "Progressing",
    "Degraded",
    "Stalled",
    "PostgresReady",
    "KafkaReady",
    "RedisReady",
    "MigrationsComplete",
    "GatewayReady",
    "BackupReady",
];

/// The reasons of `GatewayReady` while there is an `HTTPRoute`.
const ROUTES: [&str; 2] = ["RoutesAccepted", "RoutesNotAccepted"];

/// Whether the stack had an `HTTPRoute` when this was told.
pub fn tells_of_routes(status: &TrackloreStackStatus) -> bool {
    tells_of(Some(status), "GatewayReady", &ROUTES)
}

fn tells_of(status: Option<&TrackloreStackStatus>, kind: &str, reasons: &[&str]) -> bool {
    let mut conditions = status.iter().flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == kind && reasons.contains(&condition.reason.as_str()))
}

/// A condition without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    holds: bool,
    reason: &'static str,
    message: String,
}

impl State {
    fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds: true, reason, message: message.into() }
    }

    fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self { holds: false, reason, message: message.into() }
    }
}

/// The status of a stack that can't be built: it says what to do, and leaves what was said of the parts.
pub fn refused(
    before: Option<&TrackloreStackStatus>,
    generation: Option<i64>,
    Refusal(sentences): &Refusal,
    now: Timestamp,
) -> TrackloreStackStatus {
    let message = sentences.join("; ");
    let states = [
        ("Ready", State::no("InvalidSpec", message.clone())),
        ("Progressing", State::no("Stalled", "nothing is changed until the spec is valid")),
        ("Degraded", State::no("NotChecked", "an invalid stack isn't compared with its children")),
        ("Stalled", State::yes("InvalidSpec", message)),
    ];
    let mut told = before.cloned().unwrap_or_default();
    told.observed_generation = generation;
    for (kind, state) in states {
        let condition = condition(before, generation, kind, state, now);
        match told.conditions.iter_mut().find(|other| other.type_ == kind) {
            Some(place) => *place = condition,
            None => told.conditions.push(condition),
        }
    }
    told
}

/// The status after a pass.
pub fn settled(
    before: Option<&TrackloreStackStatus>,
    generation: Option<i64>,
    stack: &ValidStack,
    plan: &Plan,
    observed: &Observed,
    outcome: &Outcome,
    now: Timestamp,
) -> TrackloreStackStatus {
    let view = View { stack, plan, observed, outcome };
    let states = [
        view.ready(),
        view.progressing(),
        view.degraded(),
        view.stalled(),
        view.dependency(Component::Postgres, Some(&plan.postgres)),
        view.dependency(Component::Kafka, Some(&plan.kafka)),
        view.dependency(Component::Redis, None),
        view.migrations(),
        view.gateway(),
        view.backup(tells_of(before, "BackupReady", &[backup::FAILED])),
    ];
    let rolled_out = !stack.paused
        && plan.held.is_empty()
        && plan.queued.is_empty()
        && outcome.behind.is_empty()
        && view.services().all(|(_, workload)| workload.is_some_and(|w| w.rolled_out));
    let running = before.and_then(|status| status.version.clone());
    TrackloreStackStatus {
        observed_generation: generation,
        version: if rolled_out { Some(stack.version.clone()) } else { running },
        conditions: CONDITIONS
            .into_iter()
            .zip(states)
            .map(|(kind, state)| condition(before, generation, kind, state, now))
            .collect(),
        services: view
            .services()
            .filter_map(|(service, workload)| {
                rollout::remember(stack, before, service, workload, whole_seconds(now))
            })
            .collect(),
        completed_jobs: plan.completed.clone(),
    }
}

/// A condition whose time moves only when its status does.
fn condition(
    before: Option<&TrackloreStackStatus>,
    generation: Option<i64>,
    kind: &str,
    state: State,
    now: Timestamp,
) -> Condition {
    let status = if state.holds { "True" } else { "False" };
    let since = before
        .and_then(|status| status.conditions.iter().find(|condition| condition.type_ == kind))
        .filter(|condition| condition.status == status)
        .map_or(Time(whole_seconds(now)), |condition| condition.last_transition_time.clone());
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: state.reason.to_owned(),
        message: state.message,
        observed_generation: generation,
        last_transition_time: since,
    }
}

/// The API server keeps seconds; finer times would look changed when they come back.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
