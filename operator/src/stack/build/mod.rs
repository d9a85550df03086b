//! What should be, from what is asked for and what is there. No client, no clock, no chance; it can't fail.

mod address;
mod authority;
mod backup;
mod certificate;
mod cloud_native_pg;
mod config_map;
mod dependencies;
mod gateway;
mod horizontal_pod_autoscaler;
mod http_route;
mod ingress;
mod job;
mod kafka;
mod kafka_provision;
mod login;
mod migration_job;
mod network_policy;
mod pod;
mod pod_disruption_budget;
mod postgres;
mod postgres_provision;
mod redis;
mod restore;
mod secrets;
mod service_deployment;
mod service_env;
mod shelf;
mod spread;
mod stateful_set;
mod strimzi;
mod tracing;

pub use self::{
    cloud_native_pg::CLUSTER,
    gateway::ROUTES as GATEWAY_ROUTES,
    pod::{owner, restricted_container},
    restore::{FETCH_KEYS, FILL, KEYS as RESTORED_KEYS},
    service_deployment::is_own_volume,
};

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};

use self::job::HashedJob;
use super::{
    component::{Component, Names, Service},
    delegated::Told,
    given,
    observed::{ChildId, JobState, Kind, Observed, Owner, Workload},
    plan::{Child, Origin, Plan, Restoring, Step, digest},
    rollout::{self, Shrinking},
    validate::ValidStack,
};
use crate::api::v1alpha1::{CompletedJob, DeletionPolicy, NetworkPolicyMode};

/// The names of all Secrets that a stack generates, for reading them.
pub fn secret_names(stack: &ValidStack) -> Vec<String> {
    secrets::all(stack).into_iter().map(|secret| secret.name).collect()
}

/// Name of the Secret with the key that signs a stack's certificates.
pub fn authority_secret(names: &Names) -> String {
    secrets::authority(names)
}

/// Makes the plan. `completed` are the Jobs that the status remembers.
pub fn plan(stack: &ValidStack, observed: &Observed, completed: &[CompletedJob]) -> Plan {
    Planner { stack, observed, remembered: completed, plan: empty(stack, observed) }.run()
}

struct Planner<'a> {
    stack: &'a ValidStack,
    observed: &'a Observed,
    remembered: &'a [CompletedJob],
    plan: Plan,
}

fn empty(stack: &ValidStack, observed: &Observed) -> Plan {
    let secrets = secrets::due(stack, observed);
    Plan {
        secrets: match &stack.restore {
            Some(restore) => restore::from_copy(stack, restore, observed, secrets),
            None => secrets,
        },
        secrets_owned: stack.deletion_policy == DeletionPolicy::Delete,
        children: Vec::new(),
        expected: BTreeSet::new(),
        outgrown: Vec::new(),
        delegated: Vec::new(),
        postgres: Step::Waiting,
        kafka: Step::Waiting,
        migrations: Vec::new(),
        contracts: Vec::new(),
        restore: None,
        missing: given::missing(stack, &observed.given),
        held: Vec::new(),
        queued: Vec::new(),
        gateway: None,
        completed: Vec::new(),
    }
}

impl<'a> Planner<'a> {
    fn run(mut self) -> Plan {
        // Pods refer to Secrets and are rolled by their content: without all of them, only what needs none is built.
        let secrets_ready = self.plan.secrets.iter().all(|secret| {
            self.observed.secrets.get(&secret.name).is_some_and(|seen| seen.owner == Owner::Us)
        });
        self.boundaries();
        self.addresses();
        self.restored_keys();
        self.postgres(secrets_ready);
        self.restored_data(secrets_ready);
        self.kafka(secrets_ready);
        self.redis(secrets_ready);
        self.migrations(secrets_ready);
        self.services(secrets_ready);
        self.gateway(secrets_ready);
        self.backup(secrets_ready);
        login::allow_replacement(&mut self.plan, self.stack, self.observed);
        self.plan
    }

    /// First of all: no pod runs before what may reach it has been said.
    fn boundaries(&mut self) {
        if self.stack.network_policy == NetworkPolicyMode::Enforced {
            self.all(network_policy::policies(self.stack, self.observed));
        }
        self.all(pod_disruption_budget::budgets(self.stack));
        self.all(horizontal_pod_autoscaler::autoscalers(self.stack));
    }

    fn addresses(&mut self) {
        let stack = self.stack;
        self.all(Service::ALL.map(|service| service_deployment::address(stack, service)));
    }

    /// The Secrets that a copy brings, before all others: pods wait for them.
    fn restored_keys(&mut self) {
        let Some(restore) = &self.stack.restore else { return };
        let come = self.plan.secrets.iter().any(|secret| secret.origin != Origin::New);
        let given = !self.lacks(Component::Backup);
        let keys =
            if come { self.step(restore::keys_job(self.stack, restore), given, false) } else { Step::Done };
        self.plan.restore = Some(Restoring { keys, data: Step::Waiting, told: Vec::new() });
    }

    /// The databases that a copy brings. What was brought once isn't again, whatever has become of it.
    fn restored_data(&mut self, secrets_ready: bool) {
        let Some(restore) = &self.stack.restore else { return };
        let may_run = secrets_ready && self.plan.postgres.is_done() && !self.lacks(Component::Backup);
        let data = self.step(restore::data_job(self.stack, restore, self.observed), may_run, true);
        if let Some(restoring) = &mut self.plan.restore {
            restoring.data = data;
        }
    }

    /// Whether the databases hold what they should before migrations.
    fn is_filled(&self) -> bool {
        self.plan.postgres.is_done() && self.plan.restore.as_ref().is_none_or(|it| it.data.is_done())
    }

    /// Whether others have been told, where they have to be, of what a service has.
    fn has_told(&mut self, service: Service, migrated: bool) -> bool {
        let Some(restore) = self.stack.restore.as_ref().filter(|_| restore::TELLERS.contains(&service))
        else {
            return true;
        };
        let step =
            self.step(restore::republish_job(self.stack, restore, self.observed, service), migrated, true);
        let is_done = step.is_done();
        if let Some(restoring) = &mut self.plan.restore {
            restoring.told.push((service, step));
        }
        is_done
    }

    fn backup(&mut self, secrets_ready: bool) {
        let Some(backup) = &self.stack.backup else { return };
        // A copy of databases that don't hold yet what they should would take the place of a better one.
        let filled = self.is_filled() && self.plan.migrations.iter().all(|(_, step)| step.is_done());
        let given = secrets_ready && !self.lacks(Component::Backup);
        self.when(given && filled, backup::cron_job(self.stack, backup, self.observed));
    }

    /// Databases grow before anything rolls: where one can't, all services stay as they are.
    fn migrations(&mut self, secrets_ready: bool) {
        let (stack, filled) = (self.stack, self.is_filled());
        for service in Service::WITH_DATABASE {
            let Shrinking { image, is_due, comes_first } = rollout::shrinking(stack, self.observed, service);
            let expand = migration_job::expand(stack, self.observed, service);
            let contract = migration_job::contract(stack, self.observed, service, image);
            let may_run = secrets_ready && filled && !self.shrinks_otherwise(&contract);
            let (grown, shrunk) = if comes_first {
                let shrunk = self.step(contract, may_run && is_due, filled);
                (self.step(expand, may_run && shrunk.is_done(), filled), shrunk)
            } else {
                let grown = self.step(expand, may_run, filled);
                let shrunk = self.step(contract, may_run && is_due && grown.is_done(), filled);
                (grown, shrunk)
            };
            self.plan.migrations.push((service, grown));
            self.plan.contracts.push((service, shrunk));
        }
    }

    /// Whether another version is just taking something away from a service's database, or is being kept from it.
    fn shrinks_otherwise(&self, contract: &HashedJob) -> bool {
        let own = contract.job.metadata.name.as_ref();
        let mut seen = self.observed.seen.keys().filter(|id| id.kind == Kind::Job && Some(&id.name) != own);
        seen.any(|id| {
            let is_complete = self.observed.jobs.get(&id.name) == Some(&JobState::Complete);
            self.stack.names.is_job(&id.name, &contract.purpose) && !is_complete
        })
    }

    fn services(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let is_there = |service| self.observed.service(&stack.names, service).is_some();
        let migrations = self.plan.migrations.clone();
        let all_grown = migrations.iter().all(|(_, step)| step.is_done());
        for service in Service::ALL {
            let migrated = match migrations.iter().find(|(migrated, _)| *migrated == service) {
                Some((_, step)) => self.has_told(service, step.is_done()) && step.is_done(),
                // The feed begins once there is a Redis; afterwards it copes with its absence.
                None => {
                    is_there(service)
                        || stack.redis.external().is_some()
                        || self.stateful_set(Component::Redis).is_some_and(Workload::is_ready)
                }
            };
            let given = !self.lacks(Component::Service(service))
                && (service != Service::Feed || !self.lacks(Component::Redis));
            let ready = secrets_ready && given && migrated && self.plan.kafka.is_done();
            let queued = rollout::is_queued(stack, self.observed, all_grown, service);
            if !ready {
                self.plan.held.push(service);
            } else if queued {
                self.plan.queued.push(service);
            }
            // What is asked for no pods stops at once, whatever it waits for.
            let stops = stack.suspended && is_there(service);
            let deployment = service_deployment::deployment(stack, service, self.observed);
            self.when(ready && !queued || stops, deployment);
        }
    }

    fn gateway(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        if let Some(asked) = &stack.ingress {
            self.now(ingress::ingress(stack, asked));
        }
        if let Some(asked) = &stack.routes {
            self.now(http_route::http_route(stack, asked));
        }
        let Some(gateway) = &stack.gateway else { return };
        let certified = gateway.tls.as_ref().is_none_or(|tls| tls.secret_ref.is_some() || secrets_ready);
        let ready = certified && !self.lacks(Component::Gateway);
        // Together: the address leads to ports that pods without the certificate haven't.
        self.when(ready, gateway::service(stack, gateway));
        self.when(ready, gateway::deployment(stack, gateway));
        self.plan.gateway = Some(stack.names.of(Component::Gateway));
    }

    /// A Job that has to end well once: whether it did, and if not, what it does now.
    fn step(&mut self, job: HashedJob, may_run: bool, memory_counts: bool) -> Step {
        let HashedJob { purpose, hash, job } = job;
        let child = Child::from(job);
        let id = child.id();
        let done = CompletedJob { name: purpose, hash };
        let state = self.observed.jobs.get(&id.name);
        if state == Some(&JobState::Complete) || (memory_counts && self.remembered.contains(&done)) {
            self.plan.completed.push(done);
            self.plan.expected.insert(id);
            return Step::Done;
        }
        self.when(may_run && state.is_none(), child);
        match state {
            Some(JobState::Failed) => Step::Failed { job: id.name },
            Some(JobState::Running { failures }) if *failures > 0 => Step::Retrying,
            Some(_) => Step::Running,
            None if may_run => Step::Running,
            None => Step::Waiting,
        }
    }

    fn config(&mut self, config: ConfigMap) -> ConfigMap {
        self.now(config.clone());
        config
    }

    /// Sizes of claims. The size in a StatefulSet can't change; it is made anew around its pods, which run on.
    fn claims(&mut self, component: Component, claims: Vec<PersistentVolumeClaim>) {
        if self.stateful_set(component).is_some_and(|set| stateful_set::is_outgrown(set, &claims)) {
            let name = self.stack.names.of(component);
            self.plan.outgrown.push(ChildId { kind: Kind::StatefulSet, name });
        }
        self.all(claims);
    }

    fn all(&mut self, children: impl IntoIterator<Item: Into<Child>>) {
        children.into_iter().for_each(|child| self.now(child));
    }

    fn now(&mut self, child: impl Into<Child>) {
        self.when(true, child);
    }

    fn when(&mut self, condition: bool, child: impl Into<Child>) {
        let child = child.into();
        let id = child.id();
        if id.kind != Kind::Claim {
            self.plan.expected.insert(id);
        }
        if condition {
            self.plan.children.push(child);
        }
    }

    /// What another operator says of an object.
    fn told(&self, id: &ChildId) -> Option<&'a Told> {
        self.observed.told.get(id)
    }

    fn stateful_set(&self, component: Component) -> Option<&'a Workload> {
        self.observed.stateful_sets.get(&self.stack.names.of(component))
    }

    /// Whether people still have to give something that a component needs.
    fn lacks(&self, component: Component) -> bool {
        self.plan.missing.iter().any(|missing| missing.component == component)
    }

    /// Hash of what is in some Secrets.
    fn credentials(&self, names: &[String]) -> String {
        let digests: Vec<_> = names.iter().map(|name| self.observed.digest(name)).collect();
        digest(&digests)
    }
}

/// The children of `observed` that are ours and no longer expected.
pub fn orphans(plan: &Plan, observed: &Observed) -> Vec<ChildId> {
    let ours = observed.seen.iter().filter(|(_, seen)| seen.owner == Owner::Us);
    // What holds data is never removed by hand.
    let removable = ours.filter(|(id, _)| id.kind != Kind::Claim && !id.kind.is_data());
    removable.filter(|(id, _)| !plan.expected.contains(*id)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests;
