//! What should be, from what is asked for and what is there. No client, no clock, no chance; it can't fail.

mod address;
mod config_map;
mod gateway;
mod job;
mod kafka;
mod kafka_provision;
mod migration_job;
mod network_policy;
mod pod;
mod pod_disruption_budget;
mod postgres;
mod postgres_provision;
mod redis;
mod secrets;
mod service_deployment;
mod service_env;
mod stateful_set;

pub use self::pod::owner;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ConfigMap;

use self::job::HashedJob;
use super::{
    component::{Component, Names, Service},
    given,
    observed::{ChildId, JobState, Kind, Observed, Owner, Workload},
    plan::{Child, Plan, Step, digest},
    validate::ValidStack,
};
use crate::api::v1alpha1::{CompletedJob, DeletionPolicy, NetworkPolicyMode};

/// The names of all Secrets that a stack may need, for reading them.
pub fn secret_names(names: &Names) -> Vec<String> {
    let mut all = vec![
        secrets::postgres_superuser(names),
        secrets::kafka_cluster(names),
        secrets::kafka_admin(names),
        secrets::redis_admin(names),
        secrets::redis_feed(names),
        secrets::signing_keys(names),
        secrets::session_key(names),
        secrets::clients(names),
    ];
    all.extend(Service::ALL.into_iter().map(|service| secrets::kafka(names, service)));
    for service in Service::WITH_DATABASE {
        all.extend([secrets::postgres(names, service), secrets::postgres_migration(names, service)]);
    }
    all
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
    Plan {
        secrets: secrets::all(stack),
        secrets_owned: stack.deletion_policy == DeletionPolicy::Delete,
        children: Vec::new(),
        expected: BTreeSet::new(),
        postgres: Step::Waiting,
        kafka: Step::Waiting,
        migrations: Vec::new(),
        missing: given::missing(stack, &observed.given),
        held: Vec::new(),
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
        self.postgres(secrets_ready);
        self.kafka(secrets_ready);
        self.redis(secrets_ready);
        self.services(secrets_ready);
        self.gateway();
        self.plan
    }

    /// First of all: no pod runs before what may reach it has been said.
    fn boundaries(&mut self) {
        if self.stack.network_policy == NetworkPolicyMode::Enforced {
            for policy in network_policy::policies(self.stack) {
                self.now(Child::NetworkPolicy(Box::new(policy)));
            }
        }
        for budget in pod_disruption_budget::budgets(self.stack) {
            self.now(Child::PodDisruptionBudget(Box::new(budget)));
        }
    }

    fn addresses(&mut self) {
        let stack = self.stack;
        self.now(Child::Service(Box::new(postgres::service(stack))));
        for service in kafka::services(stack) {
            self.now(Child::Service(Box::new(service)));
        }
        self.now(Child::Service(Box::new(redis::service(stack))));
        for service in Service::ALL {
            self.now(Child::Service(Box::new(service_deployment::address(stack, service))));
        }
    }

    fn postgres(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let existing = self.stateful_set(Component::Postgres);
        let config = self.config(postgres::config(stack));
        let provision = self.config(postgres_provision::config(stack));
        let set = postgres::stateful_set(stack, &config, existing);
        self.when(secrets_ready, Child::StatefulSet(Box::new(set)));
        for claim in postgres::claims(stack, existing) {
            self.now(Child::Claim(Box::new(claim)));
        }
        let mut used = vec![secrets::postgres_superuser(&stack.names)];
        for service in Service::WITH_DATABASE {
            used.extend([
                secrets::postgres(&stack.names, service),
                secrets::postgres_migration(&stack.names, service),
            ]);
        }
        let job = postgres_provision::job(stack, &provision, &self.credentials(&used));
        let ready = secrets_ready && existing.is_some_and(Workload::is_ready);
        // Without its StatefulSet nothing is known of the data: what was prepared may be gone.
        self.plan.postgres = self.step(job, ready, existing.is_some());
    }

    fn kafka(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let existing = self.stateful_set(Component::Kafka);
        let config = self.config(kafka::config(stack));
        let provision = self.config(kafka_provision::config(stack));
        let shared = self.credentials(&[secrets::kafka_cluster(&stack.names)]);
        let set = kafka::stateful_set(stack, &config, &shared, existing);
        self.when(secrets_ready, Child::StatefulSet(Box::new(set)));
        for claim in kafka::claims(stack, existing) {
            self.now(Child::Claim(Box::new(claim)));
        }
        let used: Vec<_> =
            Service::ALL.into_iter().map(|service| secrets::kafka(&stack.names, service)).collect();
        let job = kafka_provision::job(stack, &provision, &self.credentials(&used));
        let ready = secrets_ready && existing.is_some_and(Workload::is_ready);
        self.plan.kafka = self.step(job, ready, existing.is_some());
    }

    fn redis(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let existing = self.stateful_set(Component::Redis);
        let config = self.config(redis::config(stack));
        let users =
            self.credentials(&[secrets::redis_admin(&stack.names), secrets::redis_feed(&stack.names)]);
        let set = redis::stateful_set(stack, &config, &users, existing);
        self.when(secrets_ready, Child::StatefulSet(Box::new(set)));
        for claim in redis::claims(stack, existing) {
            self.now(Child::Claim(Box::new(claim)));
        }
    }

    fn services(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        for service in Service::ALL {
            let migrated = if service.has_database() {
                let job = migration_job::job(stack, service);
                let step = self.step(
                    job,
                    secrets_ready && self.plan.postgres.is_done(),
                    self.plan.postgres.is_done(),
                );
                self.plan.migrations.push((service, step.clone()));
                step.is_done()
            } else {
                // The feed begins once there is a Redis; afterwards it copes with its absence.
                self.observed.deployments.contains_key(&stack.names.of(Component::Service(service)))
                    || self.stateful_set(Component::Redis).is_some_and(Workload::is_ready)
            };
            let given = self.given(Component::Service(service));
            let ready = secrets_ready && given && migrated && self.plan.kafka.is_done();
            let deployment = service_deployment::deployment(stack, service, self.observed);
            if !ready {
                self.plan.held.push(service);
            }
            self.when(ready, Child::Deployment(Box::new(deployment)));
        }
    }

    fn gateway(&mut self) {
        let stack = self.stack;
        let Some(gateway) = &stack.gateway else { return };
        let config = self.config(gateway::config(stack, gateway));
        self.now(Child::Service(Box::new(gateway::service(stack, gateway))));
        let deployment = gateway::deployment(stack, gateway, &config, self.observed);
        self.when(self.given(Component::Gateway), Child::Deployment(Box::new(deployment)));
        self.plan.gateway = Some(stack.names.of(Component::Gateway));
    }

    /// A Job that has to end well once: whether it did, and if not, what it does now.
    fn step(&mut self, job: HashedJob, may_run: bool, memory_counts: bool) -> Step {
        let HashedJob { purpose, hash, job } = job;
        let child = Child::Job(Box::new(job));
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

    /// Whether people have given all that a component needs of them.
    fn given(&self, component: Component) -> bool {
        self.plan.missing.iter().all(|(waiting, _)| *waiting != component)
    }

    fn config(&mut self, config: ConfigMap) -> ConfigMap {
        self.now(Child::ConfigMap(Box::new(config.clone())));
        config
    }

    fn now(&mut self, child: Child) {
        self.when(true, child);
    }

    fn when(&mut self, condition: bool, child: Child) {
        let id = child.id();
        if id.kind != Kind::Claim {
            self.plan.expected.insert(id);
        }
        if condition {
            self.plan.children.push(child);
        }
    }

    fn stateful_set(&self, component: Component) -> Option<&'a Workload> {
        self.observed.stateful_sets.get(&self.stack.names.of(component))
    }

    /// Hash of what is in some Secrets.
    fn credentials(&self, names: &[String]) -> String {
        let digests: Vec<_> =
            names.iter().map(|name| self.observed.secrets.get(name).map(|secret| &secret.digest)).collect();
        digest(&digests)
    }
}

/// The children of `observed` that are ours and no longer expected.
pub fn orphans(plan: &Plan, observed: &Observed) -> Vec<ChildId> {
    let ours = observed.seen.iter().filter(|(_, seen)| seen.owner == Owner::Us);
    ours.filter(|(id, _)| !plan.expected.contains(*id)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests;
