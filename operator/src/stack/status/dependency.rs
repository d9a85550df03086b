//! What is told of Postgres, Kafka and Redis: whether they serve, and are prepared.

use super::{State, view::View};
use crate::stack::{
    build::{FETCH_KEYS, FILL},
    component::{Component, Service},
    plan::Step,
};

impl View<'_> {
    /// A dependency: its pods, then what has to be prepared in it.
    pub(super) fn dependency(&self, component: Component, step: Option<&Step>) -> State {
        let restore = self.plan.restore.as_ref().filter(|_| component == Component::Postgres);
        // Everything waits for the Secrets of a copy.
        if let Some(state) = restore.and_then(|restore| self.restoring(FETCH_KEYS, &restore.keys)) {
            return state;
        }
        let name = self.names().of(component);
        let external = self.external(component);
        if external.is_none() {
            let Some(set) = self.set(component) else {
                return State::no("Creating", format!("StatefulSet {name} isn't there yet"));
            };
            if self.is_down(component, set) {
                return State::no("NotReady", self.pods(component, &format!("StatefulSet {name}"), set));
            }
        } else if component == Component::Redis {
            return self.external_redis();
        }
        if let Some(state) = self.delegated(component, step.is_some()) {
            return state;
        }
        if let Some(state) = self.missing(component).or_else(|| self.unsigned(component)) {
            return state;
        }
        match step {
            Some(Step::Waiting | Step::Running) => {
                State::no("Provisioning", format!("{} is being prepared", component.as_str()))
            }
            Some(Step::Retrying) => State::no(
                "ProvisioningRetried",
                self.because(
                    &format!("{}-provision", component.as_str()),
                    format!(
                        "preparing {} failed and is tried again; see the logs of its Job",
                        component.as_str()
                    ),
                ),
            ),
            Some(Step::Failed { job }) => State::no("ProvisioningFailed", self.gave_up(job)),
            Some(Step::Done) | None => match external {
                Some(address) => State::yes("Ready", format!("{address} is prepared")),
                None => {
                    restore.and_then(|restore| self.restoring(FILL, &restore.data)).unwrap_or_else(|| {
                        State::yes("Ready", format!("StatefulSet {name} is ready and prepared"))
                    })
                }
            },
        }
    }

    /// What a component waits for that another operator has to do, if it does: all that it is asked for, or only that what
    /// it runs serves.
    pub(super) fn delegated(&self, component: Component, all: bool) -> Option<State> {
        let of_component = self.plan.delegated.iter().filter(|id| id.kind.component() == Some(component));
        let mut ids = of_component.filter(|id| all || id.kind.is_server());
        let (id, told) = ids.find_map(|id| match self.observed.told.get(id) {
            Some(told) if told.done => None,
            told => Some((id, told)),
        })?;
        let object = format!("{} {}", id.kind.as_str(), id.name);
        Some(match told {
            Some(told) => State::no("NotReady", format!("{object}: {}", told.said)),
            None if self.plan.expected.contains(id) => {
                State::no("Creating", format!("{object} isn't there yet"))
            }
            None => State::no("Missing", format!("{object}, which the spec names, isn't there; make it")),
        })
    }

    /// That it isn't known yet who signs for what another operator runs, if it isn't.
    fn unsigned(&self, component: Component) -> Option<State> {
        let tls = match component {
            Component::Postgres => {
                &self.stack.postgres.external().filter(|it| it.cloud_native_pg().is_some())?.tls
            }
            Component::Kafka => &self.stack.kafka.external().filter(|it| it.strimzi.is_some())?.tls,
            _ => return None,
        };
        let secret = &tls.authority()?.name;
        let signs = self.observed.given.get(secret).is_some_and(|seen| seen.keys.contains("ca.crt"));
        let sentence = || {
            format!(
                "Secret {secret} with ca.crt, by which the operator of {} says who signs for it, isn't there; certificates of one's own aren't supported",
                component.as_str()
            )
        };
        (!signs).then(|| State::no("Waiting", sentence()))
    }

    /// That a component lacks a Secret which somebody has to give, if it does.
    pub(super) fn missing(&self, component: Component) -> Option<State> {
        let missing = self.plan.missing.iter().find(|missing| missing.component == component)?;
        Some(State::no("SecretMissing", missing.sentence.clone()))
    }

    /// Where a dependency is that the operator doesn't run.
    pub(super) fn external(&self, component: Component) -> Option<String> {
        match component {
            Component::Postgres => {
                let external = self.stack.postgres.external()?;
                if let Some(asked) = external.cloud_native_pg() {
                    return Some(format!("Cluster {}", asked.cluster));
                }
                Some(format!("Postgres at {}:{}", external.host, external.port))
            }
            Component::Kafka => {
                let external = self.stack.kafka.external()?;
                Some(match &external.strimzi {
                    Some(cluster) => format!("Kafka {cluster}"),
                    None => format!("Kafka at {}", external.servers.join(",")),
                })
            }
            Component::Redis => {
                Some(format!("Redis of Secret {}", self.stack.redis.external()?.url_secret_ref.name))
            }
            Component::Service(_) | Component::Gateway | Component::Backup => None,
        }
    }

    /// The feed is ready when it reaches its Redis, and no sooner.
    fn external_redis(&self) -> State {
        if let Some(missing) = self.missing(Component::Redis) {
            return missing;
        }
        let feed = Component::Service(Service::Feed);
        match self.observed.deployments.get(&self.names().of(feed)) {
            None => State::no("Waiting", "the feed, which looks at Redis, isn't there yet"),
            Some(_) if self.stack.suspended => State::yes("NotChecked", "the feed doesn't use Redis now"),
            Some(workload) if workload.ready > 0 => State::yes("Ready", "the feed reaches its Redis"),
            Some(_) => {
                let sentence = "the feed isn't ready, which it is as soon as it reaches its Redis".to_owned();
                State::no("NotReady", self.because(feed.as_str(), sentence))
            }
        }
    }
}
