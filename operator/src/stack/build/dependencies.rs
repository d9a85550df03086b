//! Postgres, Kafka and Redis in the plan: what the operator runs, what it asks other operators for, and what has to be prepared in
//! them before anything uses them.

use super::{
    Planner, cloud_native_pg, kafka, kafka_provision, postgres, postgres_provision, redis, secrets, strimzi,
};
use crate::{
    api::v1alpha1::{SecretRef, Tls},
    stack::{
        certificates::AUTHORITY,
        component::Component,
        observed::{ChildId, Kind, Workload},
        source::{Delegation, Source},
    },
};

impl Planner<'_> {
    pub(super) fn postgres(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let provision = self.config(postgres_provision::config(stack));
        let credentials = self.credentials(&postgres_provision::secrets_used(stack));
        let job = postgres_provision::job(stack, self.observed, &provision, &credentials);
        self.plan.postgres = match &stack.postgres {
            Source::Managed(managed) => {
                self.now(postgres::service(stack));
                let existing = self.stateful_set(Component::Postgres);
                let config = self.config(postgres::config(stack));
                self.when(secrets_ready, postgres::stateful_set(stack, managed, &config, existing));
                self.claims(Component::Postgres, postgres::claims(stack, managed, existing));
                let ready = secrets_ready && existing.is_some_and(Workload::is_ready);
                // Without its StatefulSet nothing is known of the data: what was prepared may be gone.
                self.step(job, ready, existing.is_some())
            }
            Source::External(external) => {
                let given = secrets_ready && !self.lacks(Component::Postgres);
                match external.cloud_native_pg() {
                    None => self.step(job, given, true),
                    Some(asked) => {
                        let delegated = self.delegate_postgres(asked, given);
                        let ready = self.have_done(delegated, &external.tls);
                        self.step(job, given && ready, true)
                    }
                }
            }
        };
    }

    /// What CloudNativePG is asked for.
    fn delegate_postgres(&mut self, asked: &Delegation, given: bool) -> Vec<ChildId> {
        let stack = self.stack;
        let mut delegated = vec![cloud_native_pg::cluster_id(asked)];
        if let Some(own) = &asked.own {
            self.now(cloud_native_pg::cluster(stack, asked, own));
            self.all(cloud_native_pg::scheduled_backup(stack, asked, own));
        }
        for child in cloud_native_pg::roles_and_databases(stack, self.observed, asked) {
            delegated.push(child.id());
            self.when(given, child);
        }
        delegated
    }

    pub(super) fn kafka(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let provision = self.config(kafka_provision::config(stack));
        let credentials = self.credentials(&kafka_provision::secrets_used(stack));
        let job = kafka_provision::job(stack, self.observed, &provision, &credentials);
        self.plan.kafka = match &stack.kafka {
            Source::Managed(managed) => {
                self.all(kafka::services(stack));
                let existing = self.stateful_set(Component::Kafka);
                let config = self.config(kafka::config(stack, managed));
                // Kafka reads its certificate once: its nodes start anew for another, one after the other.
                let shared = self.credentials(&[
                    secrets::kafka_cluster(&stack.names),
                    secrets::server(&stack.names, Component::Kafka),
                    secrets::trust(&stack.names),
                ]);
                let set = kafka::stateful_set(stack, managed, &config, &shared, existing);
                self.when(secrets_ready, set);
                self.claims(Component::Kafka, kafka::claims(stack, managed, existing));
                let ready = secrets_ready && existing.is_some_and(Workload::is_ready);
                self.step(job, ready, existing.is_some())
            }
            Source::External(external) => {
                let given = secrets_ready && !self.lacks(Component::Kafka);
                let ready = match &external.strimzi {
                    Some(cluster) => {
                        let delegated = self.delegate_kafka(cluster, given);
                        self.have_done(delegated, &external.tls)
                    }
                    None => true,
                };
                self.step(job, given && ready, true)
            }
        };
    }

    /// What Strimzi is asked for.
    fn delegate_kafka(&mut self, cluster: &str, given: bool) -> Vec<ChildId> {
        let kafka = ChildId { kind: Kind::GivenKafka, name: cluster.to_owned() };
        // Whoever runs it says which stacks may have topics and users there.
        let is_open = self.told(&kafka).is_some_and(|told| told.done);
        let mut delegated = vec![kafka];
        for child in strimzi::topics_and_users(self.stack, self.observed, cluster) {
            delegated.push(child.id());
            self.when(given && is_open, child);
        }
        delegated
    }

    /// Whether others have done what they are asked for, and have said who signs for their servers.
    fn have_done(&mut self, delegated: Vec<ChildId>, tls: &Tls) -> bool {
        let signs = |secret: &SecretRef| {
            self.observed.given.get(&secret.name).is_some_and(|seen| seen.keys.contains(AUTHORITY))
        };
        let done = tls.authority().is_some_and(signs)
            && delegated.iter().all(|id| self.told(id).is_some_and(|told| told.done));
        self.plan.delegated.extend(delegated);
        done
    }

    pub(super) fn redis(&mut self, secrets_ready: bool) {
        let stack = self.stack;
        let Source::Managed(managed) = &stack.redis else { return };
        self.now(redis::service(stack));
        let existing = self.stateful_set(Component::Redis);
        let config = self.config(redis::config(stack));
        // Logins of the feed are taken while it runs.
        let admin = self.credentials(&[secrets::redis_admin(&stack.names)]);
        self.when(secrets_ready, redis::stateful_set(stack, managed, &config, &admin, existing));
        self.claims(Component::Redis, redis::claims(stack, managed, existing));
    }
}
