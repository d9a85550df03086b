//! NetworkPolicies: nothing reaches a pod that has no business with it, and pods reach nothing outside their stack.
//!
//! One policy forbids everything to all pods of the stack, Jobs as well, but names (DNS) and ways out to the rest of the
//! stack; one per component says who may come in. Probes need no rule: a node always reaches its own pods.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::networking::v1::{
        NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
        NetworkPolicyPort, NetworkPolicySpec,
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, LabelSelectorRequirement, ObjectMeta},
        util::intstr::IntOrString,
    },
};

use super::{cloud_native_pg, pod, strimzi, tracing};
use crate::{
    api::v1alpha1::{Bucket, Smtp},
    stack::{
        component::{Component, INSTANCE, PART_OF, Service, TRACKLORE},
        observed::Observed,
        source::Delegation,
        validate::ValidStack,
    },
};

/// The label of namespaces whose pods may read metrics.
const METRICS: &str = "tracklore.io/metrics";

/// All policies of a stack.
pub fn policies(stack: &ValidStack, observed: &Observed) -> Vec<NetworkPolicy> {
    let mut components: Vec<_> = Service::ALL.into_iter().map(Component::Service).collect();
    let managed = [
        (Component::Postgres, stack.postgres.managed().is_some()),
        (Component::Kafka, stack.kafka.managed().is_some()),
        (Component::Redis, stack.redis.managed().is_some()),
    ];
    components.extend(managed.into_iter().filter(|(_, managed)| *managed).map(|(component, _)| component));
    components.extend(stack.gateway.as_ref().map(|_| Component::Gateway));
    let entries = components.into_iter().map(|component| entry(stack, component));
    let delegated = stack.postgres.external().and_then(|external| external.cloud_native_pg());
    let cluster = delegated.filter(|asked| asked.own.is_some()).map(|asked| cluster(stack, asked));
    let mail = stack.mail.as_ref().map(|smtp| mail(stack, smtp));
    let tracing = stack.tracing.as_ref().map(|tracing| tracing::policy(stack, tracing));
    let ways_out = mail.into_iter().chain(tracing).chain(exits(stack, observed)).chain(bucket(stack));
    std::iter::once(nothing_else(stack)).chain(entries).chain(cluster).chain(ways_out).collect()
}

/// The way out for auth's mail.
fn mail(stack: &ValidStack, smtp: &Smtp) -> NetworkPolicy {
    let auth = Component::Service(Service::Auth);
    let pods = LabelSelector { match_labels: Some(stack.names.selector(auth)), ..LabelSelector::default() };
    exit(stack, "mail", auth, pods, &[smtp.port])
}

/// The way out to the S3 servers that copies are kept on.
fn bucket(stack: &ValidStack) -> Option<NetworkPolicy> {
    let target = stack.backup.as_ref().and_then(|backup| backup.target.s3.as_ref());
    let source = stack.restore.as_ref().and_then(|restore| restore.source.s3.as_ref());
    let ports: BTreeSet<i32> = target.into_iter().chain(source).map(Bucket::port).collect();
    let pods = members(stack, &[Component::Backup]);
    (!ports.is_empty()).then(|| exit(stack, "backup", Component::Backup, pods, &Vec::from_iter(ports)))
}

/// The ways out to dependencies that the operator doesn't run, for those who use them and for the Jobs that prepare them.
fn exits(stack: &ValidStack, observed: &Observed) -> Vec<NetworkPolicy> {
    let services =
        |services: &[Service]| services.iter().copied().map(Component::Service).collect::<Vec<_>>();
    let way = |component: Component, users: &[Service], ports: &[i32]| {
        let mut users = services(users);
        users.push(component);
        let name = format!("{}-external", component.as_str());
        exit(stack, &name, component, members(stack, &users), ports)
    };
    let postgres = stack.postgres.external().map(|it| {
        let policy = way(Component::Postgres, &Service::WITH_DATABASE, &[it.port]);
        match it.cloud_native_pg() {
            Some(asked) => to(policy, &instances(asked)),
            None => policy,
        }
    });
    let kafka = stack.kafka.external().map(|it| {
        let ports = it.servers.iter().filter_map(|server| server.rsplit_once(':')?.1.parse().ok());
        let ports: BTreeSet<i32> = ports.collect();
        let policy = way(Component::Kafka, &Service::ALL, &Vec::from_iter(ports));
        match &it.strimzi {
            Some(cluster) => to(policy, &peer(strimzi::brokers(cluster))),
            None => policy,
        }
    });
    let redis = stack.redis.external().and_then(|it| {
        let port = observed.given.get(&it.url_secret_ref.name)?.port?;
        Some(way(Component::Redis, &[Service::Feed], &[port]))
    });
    postgres.into_iter().chain(kafka).chain(redis).collect()
}

/// A way out of the stack for some pods, to some ports. Where a server is can't be said by name.
fn exit(
    stack: &ValidStack,
    name: &str,
    component: Component,
    pods: LabelSelector,
    ports: &[i32],
) -> NetworkPolicy {
    let ports = ports.iter().copied().map(port).collect();
    NetworkPolicy {
        metadata: pod::metadata(stack, &stack.names.child(name), component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods),
            policy_types: Some(pod::words(&["Egress"])),
            egress: Some(vec![NetworkPolicyEgressRule { ports: Some(ports), to: None }]),
            ingress: None,
        }),
    }
}

/// What holds for all pods of the stack.
fn nothing_else(stack: &ValidStack) -> NetworkPolicy {
    // Other people's pods may be instances of something of the same name.
    let everyone = BTreeMap::from([
        (INSTANCE.to_owned(), stack.names.stack.clone()),
        (PART_OF.to_owned(), TRACKLORE.to_owned()),
    ]);
    let selector = LabelSelector { match_labels: Some(everyone), ..LabelSelector::default() };
    let dns =
        ["UDP", "TCP"].map(|protocol| NetworkPolicyPort { protocol: Some(protocol.into()), ..port(53) });
    NetworkPolicy {
        metadata: ObjectMeta {
            labels: Some(stack.names.stack_labels()),
            ..pod::metadata(stack, &stack.names.stack, Component::Gateway)
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(selector.clone()),
            policy_types: Some(pod::words(&["Ingress", "Egress"])),
            egress: Some(vec![
                // Wherever the cluster's resolver runs.
                NetworkPolicyEgressRule { ports: Some(dns.to_vec()), to: None },
                NetworkPolicyEgressRule {
                    ports: None,
                    to: Some(vec![NetworkPolicyPeer {
                        pod_selector: Some(selector),
                        ..NetworkPolicyPeer::default()
                    }]),
                },
            ]),
            ingress: None,
        }),
    }
}

/// Who may reach a component.
fn entry(stack: &ValidStack, component: Component) -> NetworkPolicy {
    let clients = |services: &[Service]| services.iter().copied().map(Component::Service).collect::<Vec<_>>();
    let mut rules = match component {
        // Databases are prepared and migrated by Jobs that bear the labels of their component.
        Component::Postgres => {
            let mut callers = clients(&Service::WITH_DATABASE);
            callers.push(component);
            let copies = stack.backup.is_some() || stack.restore.is_some();
            callers.extend(copies.then_some(Component::Backup));
            vec![from(stack, &callers, 5432)]
        }
        Component::Kafka => {
            vec![from(stack, &clients(&Service::ALL), 9092), within(stack, component)]
        }
        Component::Redis => vec![from(stack, &clients(&[Service::Feed]), 6379), within(stack, component)],
        Component::Gateway => {
            let tls = stack.gateway.as_ref().is_some_and(|gateway| gateway.tls.is_some());
            std::iter::once(anyone(8000)).chain(tls.then(|| anyone(8443))).collect()
        }
        // Nobody calls them.
        Component::Backup => Vec::new(),
        Component::Service(service) => {
            let mut rules = vec![match stack.gateway {
                Some(_) => from(stack, &[Component::Gateway], 8080),
                // Whoever brings a gateway of their own may be anywhere.
                None => anyone(8080),
            }];
            let callers = callers(service);
            if !callers.is_empty() {
                rules.push(from(stack, &clients(callers), 8081));
            }
            rules
        }
    };
    if matches!(component, Component::Service(_) | Component::Gateway) {
        rules.push(metrics(9090));
    }
    NetworkPolicy {
        metadata: pod::metadata(stack, &stack.names.of(component), component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(stack.names.selector(component)),
                ..LabelSelector::default()
            }),
            policy_types: Some(pod::words(&["Ingress"])),
            ingress: Some(rules),
            egress: None,
        }),
    }
}

/// Who may reach the instances of the stack's own `Cluster`. What they reach is CloudNativePG's matter: they speak with the
/// API server, and may keep copies anywhere.
fn cluster(stack: &ValidStack, asked: &Delegation) -> NetworkPolicy {
    let mut users: Vec<_> = Service::WITH_DATABASE.into_iter().map(Component::Service).collect();
    users.push(Component::Postgres);
    let among = NetworkPolicyIngressRule { from: Some(vec![instances(asked)]), ports: None };
    NetworkPolicy {
        metadata: pod::metadata(stack, &asked.cluster, Component::Postgres),
        spec: Some(NetworkPolicySpec {
            pod_selector: instances(asked).pod_selector,
            policy_types: Some(pod::words(&["Ingress"])),
            ingress: Some(vec![
                from(stack, &users, 5432),
                among,
                // CloudNativePG's operator, whichever namespace it is in.
                anyone(cloud_native_pg::STATUS_PORT),
                metrics(cloud_native_pg::METRICS_PORT),
            ]),
            egress: None,
        }),
    }
}

/// The pods of a `Cluster`.
fn instances(asked: &Delegation) -> NetworkPolicyPeer {
    peer(BTreeMap::from([(cloud_native_pg::CLUSTER.to_owned(), asked.cluster.clone())]))
}

/// Pods with these labels.
fn peer(labels: BTreeMap<String, String>) -> NetworkPolicyPeer {
    let selector = LabelSelector { match_labels: Some(labels), ..LabelSelector::default() };
    NetworkPolicyPeer { pod_selector: Some(selector), ..NetworkPolicyPeer::default() }
}

/// The same way out, but to these pods only.
fn to(mut policy: NetworkPolicy, pods: &NetworkPolicyPeer) -> NetworkPolicy {
    for rule in policy.spec.iter_mut().flat_map(|spec| &mut spec.egress).flatten() {
        rule.to = Some(vec![pods.clone()]);
    }
    policy
}

/// The services that use a service's internal port.
fn callers(service: Service) -> &'static [Service] {
    match service {
        // all fetch auth's public keys
        Service::Auth => &[Service::User, Service::Posts, Service::Feed],
        Service::User | Service::Posts => &[Service::Feed],
        Service::Feed => &[],
    }
}

fn from(stack: &ValidStack, components: &[Component], number: i32) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: Some(vec![peers(stack, components)]), ports: Some(vec![port(number)]) }
}

/// Between the pods of a component, and from its Jobs, on every port.
fn within(stack: &ValidStack, component: Component) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: Some(vec![peers(stack, &[component])]), ports: None }
}

fn anyone(number: i32) -> NetworkPolicyIngressRule {
    NetworkPolicyIngressRule { from: None, ports: Some(vec![port(number)]) }
}

fn metrics(number: i32) -> NetworkPolicyIngressRule {
    let labels = BTreeMap::from([(METRICS.to_owned(), "true".to_owned())]);
    NetworkPolicyIngressRule {
        from: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector {
                match_labels: Some(labels),
                ..LabelSelector::default()
            }),
            ..NetworkPolicyPeer::default()
        }]),
        ports: Some(vec![port(number)]),
    }
}

fn peers(stack: &ValidStack, components: &[Component]) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(members(stack, components)), ..NetworkPolicyPeer::default() }
}

/// Pods of this stack that belong to one of the components, those of their Jobs among them.
fn members(stack: &ValidStack, components: &[Component]) -> LabelSelector {
    let names = components.iter().map(|component| component.as_str().to_owned()).collect();
    LabelSelector {
        match_labels: Some(BTreeMap::from([(INSTANCE.to_owned(), stack.names.stack.clone())])),
        match_expressions: Some(vec![LabelSelectorRequirement {
            key: "app.kubernetes.io/component".into(),
            operator: "In".into(),
            values: Some(names),
        }]),
    }
}

/// A TCP port.
pub(super) fn port(number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some("TCP".into()),
        ..NetworkPolicyPort::default()
    }
}
