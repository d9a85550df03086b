//! Each condition from the picture: what holds, why, and a sentence.

use super::State;
use crate::stack::{
    apply::{Obstacle, Outcome},
    component::{Component, Names, Service},
    logins,
    observed::{ChildId, Kind, Observed, Workload},
    plan::{Plan, Step},
    validate::ValidStack,
};

/// What conditions are told from.
pub(super) struct View<'a> {
    pub(super) stack: &'a ValidStack,
    pub(super) plan: &'a Plan,
    pub(super) observed: &'a Observed,
    pub(super) outcome: &'a Outcome,
}

impl View<'_> {
    pub(super) fn names(&self) -> &Names {
        &self.stack.names
    }

    pub(super) fn set(&self, component: Component) -> Option<&Workload> {
        self.observed.stateful_sets.get(&self.names().of(component))
    }

    pub(super) fn services(&self) -> impl Iterator<Item = (Service, Option<&Workload>)> {
        Service::ALL.into_iter().map(|service| (service, self.observed.service(self.names(), service)))
    }

    pub(super) fn migrations(&self) -> State {
        for (service, step) in &self.plan.migrations {
            let service = service.as_str();
            match step {
                Step::Done => {}
                Step::Failed { job } => {
                    return State::no("MigrationFailed", self.gave_up(job));
                }
                Step::Retrying => {
                    return State::no("MigrationRetried", self.fails("migration", "migrate", service));
                }
                Step::Running => {
                    return State::no("Migrating", format!("the database of {service} is being migrated"));
                }
                Step::Waiting => {
                    let what = if self.plan.postgres.is_done() { "what comes before it" } else { "Postgres" };
                    return State::no("Waiting", format!("the migration of {service} waits for {what}"));
                }
            }
        }
        let complete = || State::yes("Complete", "all databases are as their services expect");
        self.telling().unwrap_or_else(complete)
    }

    pub(super) fn gateway(&self) -> State {
        let Some(name) = &self.plan.gateway else { return self.foreign_gateway() };
        match self.observed.deployments.get(name) {
            None => State::no("Creating", format!("Deployment {name} isn't there yet")),
            Some(_) if self.stack.suspended => State::no("Suspended", SUSPENDED),
            Some(workload) if self.serves(Component::Gateway, workload) => {
                State::yes("Ready", format!("Deployment {name} serves"))
            }
            Some(workload) => State::no("NotReady", self.pods(Component::Gateway, name, workload)),
        }
    }

    /// A way in that others open.
    fn foreign_gateway(&self) -> State {
        let name = self.names().of(Component::Gateway);
        if self.stack.routes.is_some() {
            let route = ChildId { kind: Kind::HTTPRoute, name: name.clone() };
            return match self.observed.told.get(&route) {
                None => State::no("RoutesNotAccepted", format!("HTTPRoute {name} isn't there yet")),
                Some(routes) if routes.done => {
                    State::yes("RoutesAccepted", format!("HTTPRoute {name}: {}", routes.said))
                }
                Some(routes) => State::no("RoutesNotAccepted", format!("HTTPRoute {name}: {}", routes.said)),
            };
        }
        if self.stack.ingress.is_some() {
            return State::yes(
                "IngressMade",
                format!("Ingress {name} leads to the services; whether they are reached is its controller's"),
            );
        }
        State::yes(
            "NotConfigured",
            "no gateway is asked for; the stack can be reached inside the cluster only",
        )
    }

    /// Whether people can use the stack now, whatever else goes on.
    pub(super) fn ready(&self) -> State {
        if let Some((label, Obstacle::Foreign)) = self.obstacle(|obstacle| *obstacle == Obstacle::Foreign) {
            return State::no("NameTaken", taken(label));
        }
        if self.stack.suspended {
            return State::no("Suspended", SUSPENDED);
        }
        let dependencies = [
            ("PostgresNotReady", Component::Postgres, Some(&self.plan.postgres)),
            ("KafkaNotReady", Component::Kafka, Some(&self.plan.kafka)),
            ("RedisNotReady", Component::Redis, None),
        ];
        // What is prepared anew while the services run is no outage; before they run it is what they wait for.
        let installed = self.services().all(|(_, workload)| workload.is_some());
        for (reason, component, step) in dependencies {
            let state = self.dependency(component, step.filter(|_| !installed));
            if !state.holds {
                return State::no(reason, state.message);
            }
        }
        let migrations = self.migrations();
        if !installed && !migrations.holds {
            return State::no("MigrationsNotComplete", migrations.message);
        }
        for (service, workload) in self.services() {
            let component = Component::Service(service);
            match workload {
                Some(workload) if self.serves(component, workload) => {}
                Some(workload) => {
                    let name = self.names().of(component);
                    return State::no("ServiceNotReady", self.pods(component, &name, workload));
                }
                None => return State::no("ServiceNotReady", format!("{} isn't there yet", service.as_str())),
            }
        }
        let gateway = self.gateway();
        if !gateway.holds {
            return State::no("GatewayNotReady", gateway.message);
        }
        State::yes("Serving", format!("the stack serves at {}", self.stack.public_url))
    }

    pub(super) fn progressing(&self) -> State {
        if self.stack.paused {
            return State::no("Paused", "nothing is written; set spec.paused to false to go on");
        }
        if logins::are_replaced(&self.plan.secrets, self.observed) {
            return State::yes(
                "Rotating",
                "logins are replaced; the old ones go when no pod uses them any more",
            );
        }
        if self.outcome.secrets_made {
            return State::yes("Creating", "Secrets have been made");
        }
        if let Some((label, _)) = self.obstacle(|obstacle| *obstacle == Obstacle::Leaving) {
            return State::yes(
                "WaitingForDeletion",
                format!("{label}, which is being deleted, isn't gone yet"),
            );
        }
        if self.is_restoring() {
            return State::yes("Restoring", "a copy is brought back");
        }
        let preparations = [("Postgres", &self.plan.postgres), ("Kafka", &self.plan.kafka)];
        for (what, step) in preparations {
            if matches!(step, Step::Waiting | Step::Running | Step::Retrying) {
                return State::yes("Preparing", format!("{what} is started and prepared"));
            }
        }
        let runs = |(_, step): &&(Service, Step)| matches!(step, Step::Running | Step::Retrying);
        if let Some((service, _)) = self.plan.migrations.iter().find(runs) {
            return State::yes(
                "Migrating",
                format!("the database of {} is being migrated", service.as_str()),
            );
        }
        if let Some((service, _)) = self.plan.contracts.iter().find(runs) {
            return State::yes(
                "Contracting",
                format!("the database of {} loses what only older versions use", service.as_str()),
            );
        }
        let managed = [Component::Postgres, Component::Kafka, Component::Redis]
            .into_iter()
            .filter(|component| self.external(*component).is_none());
        let mut sets = managed.map(|component| (component, self.set(component)));
        if let Some((component, _)) = sets.find(|(_, set)| set.is_none_or(|set| !set.rolled_out)) {
            return State::yes(
                "RollingOut",
                format!("StatefulSet {} is being rolled out", self.names().of(component)),
            );
        }
        if self.failed_step().is_none() && !self.plan.held.is_empty() {
            return State::yes("Waiting", format!("{} waits for its dependencies", list(&self.plan.held)));
        }
        if let Some(name) = self.outcome.behind.first() {
            return State::yes("RollingOut", format!("{name} is being rolled out"));
        }
        let rolling =
            |workload: Option<&Workload>| workload.is_none_or(|w| !w.rolled_out && w.stuck.is_none());
        for (service, workload) in self.services() {
            if !self.plan.held.contains(&service) && rolling(workload) {
                return State::yes("RollingOut", format!("{} is being rolled out", service.as_str()));
            }
        }
        if let Some(name) = &self.plan.gateway
            && rolling(self.observed.deployments.get(name))
        {
            return State::yes("RollingOut", "the gateway is being rolled out");
        }
        if self.failed_step().is_some() && (!self.plan.held.is_empty() || !self.plan.queued.is_empty()) {
            return State::no("Held", "what the spec asks for isn't rolled out; Degraded says why");
        }
        if !self.plan.queued.is_empty() {
            return State::yes("RollingOut", format!("{} will be rolled out", list(&self.plan.queued)));
        }
        if self.stack.suspended {
            let mut services = self.services().filter_map(|(service, workload)| Some((service, workload?)));
            return match services.find(|(_, workload)| workload.ready > 0) {
                Some((service, _)) => State::yes("Suspending", format!("{} is stopped", service.as_str())),
                None => State::no("Suspended", SUSPENDED),
            };
        }
        State::no("Settled", "everything that the spec asks for has been rolled out")
    }

    pub(super) fn degraded(&self) -> State {
        for (label, obstacle) in &self.outcome.obstacles {
            match obstacle {
                Obstacle::Foreign => return State::yes("NameTaken", taken(label)),
                Obstacle::Refused(message) => return State::yes("Refused", format!("{label}: {message}")),
                Obstacle::Leaving => {}
            }
        }
        if let Some((reason, job)) = self.failed_step() {
            return State::yes(reason, self.gave_up(job));
        }
        if let Some(state) = self.retried() {
            return state;
        }
        let established = [
            (Component::Postgres, self.plan.postgres.is_done()),
            (Component::Kafka, self.plan.kafka.is_done()),
            (Component::Redis, self.observed.deployments.contains_key(&self.names().child("feed"))),
        ];
        for (component, established) in established {
            if established && let Some(state) = self.delegated(component, false) {
                return State::yes("DependencyDown", state.message);
            }
            if established && let Some(set) = self.set(component).filter(|set| self.is_down(component, set)) {
                return State::yes("DependencyDown", self.pods(component, &self.names().of(component), set));
            }
        }
        let gateway =
            self.plan.gateway.as_ref().map(|name| (Component::Gateway, self.observed.deployments.get(name)));
        let services = self.services().map(|(service, workload)| (Component::Service(service), workload));
        for (component, workload) in services.chain(gateway) {
            let name = self.names().of(component);
            match workload {
                Some(Workload { stuck: Some(message), .. }) => {
                    let sentence = format!("Deployment {name}: {message}");
                    return State::yes("RolloutStuck", self.because(component.as_str(), sentence));
                }
                Some(workload)
                    if workload.rolled_out && workload.ready < self.needed(component, workload) =>
                {
                    return State::yes("PodsMissing", self.pods(component, &name, workload));
                }
                _ => {}
            }
        }
        State::no("AsExpected", "nothing that should work is known not to")
    }

    /// Whether a component does some work, or was asked for none. One that somebody else scaled to nothing does not.
    fn serves(&self, component: Component, workload: &Workload) -> bool {
        let rests = match component {
            Component::Service(service) => {
                let settings = self.stack.services.get(service);
                settings.autoscaling.is_none() && settings.replicas == 0
            }
            Component::Gateway => self.stack.gateway.as_ref().is_some_and(|gateway| gateway.replicas == 0),
            _ => false,
        };
        rests || workload.ready > 0
    }

    /// Whether a dependency lacks pods.
    pub(super) fn is_down(&self, component: Component, set: &Workload) -> bool {
        !set.is_ready() || !self.serves(component, set)
    }

    /// How many ready pods are enough. Those that an autoscaler asks for beyond its fewest take their time.
    fn needed(&self, component: Component, workload: &Workload) -> i32 {
        let autoscaling = match component {
            Component::Service(service) => self.stack.services.get(service).autoscaling.as_ref(),
            _ => None,
        };
        autoscaling.map_or(workload.desired, |autoscaling| autoscaling.min_replicas.min(workload.desired))
    }

    pub(super) fn stalled(&self) -> State {
        match self.obstacle(|obstacle| *obstacle == Obstacle::Foreign) {
            Some((label, _)) => State::yes("NameTaken", taken(label)),
            None if !self.plan.missing.is_empty() => {
                let sentences: Vec<_> =
                    self.plan.missing.iter().map(|missing| missing.sentence.as_str()).collect();
                State::yes("SecretMissing", sentences.join("; "))
            }
            None => State::no("Valid", "the spec is valid"),
        }
    }

    /// How many pods of a component there are, and why there aren't more.
    pub(super) fn pods(&self, component: Component, name: &str, workload: &Workload) -> String {
        let count = match workload.desired {
            0 => format!("{name} is scaled to 0 pods"),
            desired => format!("{} of {desired} pods of {name} are ready", workload.ready),
        };
        self.because(component.as_str(), count)
    }

    /// A sentence, and what is known of the pods it is about.
    pub(super) fn because(&self, pods: &str, sentence: String) -> String {
        match self.observed.troubles.get(pods) {
            Some(trouble) => format!("{sentence}: {trouble}"),
            None => sentence,
        }
    }

    fn obstacle(&self, wanted: impl Fn(&Obstacle) -> bool) -> Option<(&str, &Obstacle)> {
        let found = self.outcome.obstacles.iter().find(|(_, obstacle)| wanted(obstacle))?;
        Some((found.0.as_str(), &found.1))
    }
}

const SUSPENDED: &str =
    "services and gateway are scaled to nothing, and data stays; set spec.suspended to false to start them";

fn list(services: &[Service]) -> String {
    services.iter().map(|service| service.as_str()).collect::<Vec<_>>().join(", ")
}

fn taken(label: &str) -> String {
    format!(
        "{label} is there but doesn't belong to this stack; remove or rename it, or give the stack another name"
    )
}
