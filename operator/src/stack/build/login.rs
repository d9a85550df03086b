//! How pods refer to the logins that the operator makes, and when these may be replaced.

use k8s_openapi::api::core::v1::EnvVar;

use super::{pod, secrets};
use crate::stack::{
    component::{Component, Service},
    logins::{self, Login, Turn},
    observed::{JobState, Observed, Owner, Workload},
    plan::{Plan, Step},
    validate::ValidStack,
};

/// What Jobs tell of logins before pods use them.
const PREPARED: [Component; 2] = [Component::Postgres, Component::Kafka];

/// A login that a pod uses.
pub struct Reference {
    /// Where it is.
    pub secret: String,
    /// Which of the two that take turns.
    pub turn: Turn,
}

impl Reference {
    /// The login of a Secret whose turn it is: the newest.
    pub fn newest(observed: &Observed, secret: String) -> Self {
        let turn = Self::all(observed, &secret).pop().map(|newest| newest.turn);
        Self { turn: turn.unwrap_or_default(), secret }
    }

    /// All that a Secret holds, the newest last. One that people give, and one that isn't there yet, has the first.
    pub fn all(observed: &Observed, secret: &str) -> Vec<Self> {
        let seen = observed.secrets.get(secret).map_or(&[][..], |secret| &secret.logins);
        let turns =
            if seen.is_empty() { vec![Turn::First] } else { seen.iter().map(|login| login.turn).collect() };
        turns.into_iter().map(|turn| Self { secret: secret.to_owned(), turn }).collect()
    }

    /// A variable from a part of it.
    pub fn env(&self, variable: &str, part: &str) -> EnvVar {
        pod::secret_env(variable, &self.secret, &self.turn.name(part))
    }
}

/// By which a service logs in to its database.
pub fn runtime(stack: &ValidStack, observed: &Observed, service: Service) -> Reference {
    Reference::newest(observed, secrets::database_login(stack, service))
}

/// The same for its migrations.
pub fn migration(stack: &ValidStack, observed: &Observed, service: Service) -> Reference {
    Reference::newest(observed, secrets::migration_login(stack, service))
}

/// Each login that Postgres is told of: the variable's prefix, and where it is.
pub fn provisioned(stack: &ValidStack, observed: &Observed) -> Vec<(String, Reference)> {
    let mut logins = Vec::new();
    for service in Service::WITH_DATABASE {
        let name = service.capitals();
        let runtime = secrets::database_login(stack, service);
        let migration = secrets::migration_login(stack, service);
        for (role, secret) in [(name.clone(), runtime), (format!("{name}_MIGRATION"), migration)] {
            let of = |login: Reference| (login.turn.role(&role), login);
            logins.extend(Reference::all(observed, &secret).into_iter().map(of));
        }
    }
    logins
}

/// By which a service logs in to Kafka; none where nobody does.
pub fn kafka(stack: &ValidStack, observed: &Observed, service: Service) -> Option<Reference> {
    secrets::kafka_login(stack, service).map(|secret| Reference::newest(observed, secret))
}

/// Whose turn it isn't, of the two users whose logins a Secret holds in turns.
pub fn resting(observed: &Observed, secret: &str) -> Option<Turn> {
    match observed.secrets.get(secret)?.logins.as_slice() {
        [only] => Some(only.turn.other()),
        _ => None,
    }
}

/// Says how far the replacement of logins may go.
pub fn allow_replacement(plan: &mut Plan, stack: &ValidStack, observed: &Observed) {
    // Another login makes Jobs start anew that use the one before: none of them is interrupted.
    let services = || Service::ALL.map(|service| observed.service(&stack.names, service));
    let installed = services().iter().all(Option::is_some);
    // A second login may need a Secret of its own.
    let ours = observed.secrets.values().all(|seen| seen.owner == Owner::Us);
    let may_begin = installed
        && ours
        && plan.missing.iter().all(|missing| !PREPARED.contains(&missing.component))
        && observed.jobs.values().all(|job| *job == JobState::Complete);
    let rolled_out = |workload: Option<&Workload>| workload.is_some_and(|it| it.is_ready() && it.rolled_out);
    let may_end = plan.postgres.is_done()
        && plan.kafka.is_done()
        && plan.migrations.iter().all(|(_, step)| *step == Step::Done)
        && plan.held.is_empty()
        && plan.queued.is_empty()
        && services().into_iter().all(rolled_out);
    for secret in &mut plan.secrets {
        let Some(replacement) = &mut secret.replacement else { continue };
        replacement.may_begin = may_begin;
        let seen = observed.secrets.get(&secret.name).filter(|seen| seen.has_two_logins());
        let older = seen.and_then(|seen| seen.logins.first());
        replacement.may_end = may_end && older.is_some_and(|older| !is_used(observed, &secret.name, older));
    }
}

fn is_used(observed: &Observed, secret: &str, login: &Login) -> bool {
    logins::keys(login.turn).any(|key| observed.in_use.contains(&(secret.to_owned(), key)))
}
