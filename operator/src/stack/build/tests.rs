//! Each child of the demo stack against its golden file, and the order in which children come.

use k8s_openapi::api::core::v1::PodSpec;

use super::*;
use crate::{
    api::v1alpha1::{Amount, DeletionPolicy, SecretRef, TopicOverride},
    stack::{
        fixtures,
        given::GivenSeen,
        observed::Seen,
        plan::{Child, Recipe},
        source::Source,
    },
};

/// Compares an object with its golden file in `goldens/`.
macro_rules! golden {
    ($name:expr, $object:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/src/stack/build/goldens"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_yaml_snapshot!($name, $object));
    }};
}

mod autoscaling;
mod backup;
mod cloud_native_pg;
mod external;
mod growing;
mod options;
mod rollout;
mod rotating;
mod strimzi;
mod upgrading;

fn serving_plan() -> Plan {
    let stack = fixtures::valid();
    plan(&stack, &fixtures::serving(&stack), &[])
}

#[test]
fn children_look_like_their_goldens() {
    for child in serving_plan().children {
        let id = child.id();
        let name = format!("{}-{}", id.kind.as_str().to_lowercase(), id.name);
        golden!(name, child);
    }
}

#[test]
fn jobs_look_like_their_goldens() {
    let stack = fixtures::valid();
    let mut observed = fixtures::with_dependencies(&stack);
    let mut seen = Vec::new();
    for _ in 0..2 {
        for child in plan(&stack, &observed, &[]).children {
            if let Child::Job(job) = child {
                let name = job
                    .spec
                    .as_ref()
                    .unwrap()
                    .template
                    .metadata
                    .as_ref()
                    .unwrap()
                    .labels
                    .as_ref()
                    .unwrap()["app.kubernetes.io/name"]
                    .clone();
                golden!(format!("job-{name}"), job);
                seen.push(name);
            }
        }
        fixtures::complete_jobs(&stack, &mut observed);
    }
    assert_eq!(
        seen,
        ["postgres-provision", "kafka-provision", "auth-migrate", "user-migrate", "posts-migrate"]
    );
}

#[test]
fn secrets_look_like_their_golden() {
    let list: Vec<_> =
        serving_plan().secrets.iter().map(|secret| format!("{}: {:?}", secret.name, secret.recipe)).collect();
    golden!("secrets", list);
}

#[test]
fn without_secrets_there_are_no_pods_but_the_gateways() {
    let plan = plan(&fixtures::valid(), &Observed::default(), &[]);
    let pods: Vec<_> = fixtures::ids(&plan.children)
        .into_iter()
        .filter(|id| !matches!(id.kind, Kind::ConfigMap | Kind::Service | Kind::NetworkPolicy))
        .map(|id| id.name)
        .collect();
    assert_eq!(pods, ["demo-gateway"]);
}

#[test]
fn services_wait_for_provisioning_and_migrations() {
    let stack = fixtures::valid();
    let mut observed = fixtures::with_dependencies(&stack);
    assert_eq!(plan(&stack, &observed, &[]).held, Service::ALL);
    fixtures::complete_jobs(&stack, &mut observed);
    assert_eq!(plan(&stack, &observed, &[]).held, Service::WITH_DATABASE);
    fixtures::complete_jobs(&stack, &mut observed);
    assert!(plan(&stack, &observed, &[]).held.is_empty());
}

#[test]
fn finished_jobs_may_go_once_the_status_remembers_them() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let completed = plan(&stack, &observed, &[]).completed;
    assert_eq!(completed.len(), 5);
    observed.jobs.clear();
    let plan = plan(&stack, &observed, &completed);
    assert!(!plan.children.iter().any(|child| matches!(child, Child::Job(_))));
    assert_eq!(plan.completed, completed);
}

#[test]
fn a_postgres_that_was_removed_is_prepared_again() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let completed = plan(&stack, &observed, &[]).completed;
    observed.jobs.clear();
    observed.stateful_sets.remove("demo-postgres");
    assert_eq!(plan(&stack, &observed, &completed).postgres, Step::Waiting);
}

#[test]
fn a_new_image_migrates_before_it_serves_and_the_old_one_stays_till_then() {
    let stack = fixtures::valid();
    let observed = fixtures::serving(&stack);
    let completed = plan(&stack, &observed, &[]).completed;
    let mut newer = stack.clone();
    newer.images.services.posts = "example.org/posts:2".into();
    let plan = plan(&newer, &observed, &completed);
    assert_eq!(plan.held, [Service::Posts]);
    let deployment = ChildId { kind: Kind::Deployment, name: "demo-posts".into() };
    assert!(plan.expected.contains(&deployment), "an expected child is no orphan");
    assert!(!fixtures::ids(&plan.children).contains(&deployment));
}

#[test]
fn a_changed_topic_provisions_kafka_again() {
    let mut stack = fixtures::stack();
    stack.spec.kafka.topics =
        vec![TopicOverride { name: "posts-events".into(), partitions: Some(6), ..TopicOverride::default() }];
    let valid = crate::stack::validate::validate(&stack).unwrap();
    let plan = plan(&valid, &fixtures::serving(&fixtures::valid()), &[]);
    assert_eq!(plan.kafka, Step::Running);
}

#[test]
fn what_is_no_longer_expected_is_an_orphan_and_what_is_not_ours_is_not() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let old = ChildId { kind: Kind::Job, name: "demo-auth-migrate-00000000".into() };
    let foreign = ChildId { kind: Kind::ConfigMap, name: "demo-other".into() };
    observed.seen.insert(old.clone(), fixtures::ours());
    observed.seen.insert(foreign, Seen { owner: Owner::Foreign, ..fixtures::ours() });
    assert_eq!(orphans(&plan(&stack, &observed, &[]), &observed), [old]);
}

#[test]
fn a_gateway_that_is_no_longer_asked_for_is_an_orphan() {
    let mut stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    for kind in [Kind::ConfigMap, Kind::Service, Kind::Deployment, Kind::NetworkPolicy] {
        observed.seen.insert(ChildId { kind, name: "demo-gateway".into() }, fixtures::ours());
    }
    stack.gateway = None;
    assert_eq!(orphans(&plan(&stack, &observed, &[]), &observed).len(), 4);
}

#[test]
fn a_changed_secret_rolls_the_pods_that_use_it_and_no_others() {
    let stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let completed = plan(&stack, &observed, &[]).completed;
    let before = plan(&stack, &observed, &completed).children;
    let mut changes = |secret: &str| {
        observed.secrets.get_mut(secret).unwrap().digest = "another".into();
        let after = plan(&stack, &observed, &completed).children;
        let pairs = before.iter().zip(&after);
        let changed = pairs.filter(|(before, after)| before.fingerprint() != after.fingerprint());
        changed.map(|(child, _)| child.id().name).collect::<Vec<_>>()
    };
    assert_eq!(changes("demo-redis-feed"), ["demo-feed"], "Redis takes it while it runs");
    assert_eq!(changes("demo-redis-admin"), ["demo-redis", "demo-feed"]);
}

fn pods(plan: &Plan) -> Vec<PodSpec> {
    let pod = |child: &Child| match child {
        Child::StatefulSet(set) => set.spec.as_ref().unwrap().template.spec.clone(),
        Child::Deployment(deployment) => deployment.spec.as_ref().unwrap().template.spec.clone(),
        Child::Job(job) => job.spec.as_ref().unwrap().template.spec.clone(),
        _ => None,
    };
    plan.children.iter().filter_map(pod).collect()
}

#[test]
fn every_pod_is_restricted_and_holds_no_token() {
    let pods = pods(&serving_plan());
    assert_eq!(pods.len(), 8);
    for pod in pods {
        assert_eq!(pod.automount_service_account_token, Some(false));
        assert_eq!(pod.enable_service_links, Some(false));
        assert_eq!(pod.security_context.unwrap().run_as_non_root, Some(true));
        for container in pod.containers {
            let context = container.security_context.unwrap();
            assert_eq!(context.read_only_root_filesystem, Some(true));
            assert_eq!(context.allow_privilege_escalation, Some(false));
            assert_eq!(context.capabilities.unwrap().drop.unwrap(), ["ALL"]);
            let words = container.command.into_iter().chain(container.args).flatten();
            assert!(words.into_iter().all(|word| !word.to_lowercase().contains("password")));
        }
    }
}

#[test]
fn names_of_children_fit_for_the_longest_stack_name() {
    let mut stack = fixtures::valid();
    stack.names.stack = "s".repeat(40);
    let mut observed = fixtures::with_dependencies(&stack);
    for _ in 0..3 {
        for id in fixtures::ids(&plan(&stack, &observed, &[]).children) {
            // The StatefulSet controller adds a hash of eleven characters in a label.
            let most = if id.kind == Kind::StatefulSet { 52 } else { 63 };
            assert!(id.name.len() <= most, "{id:?}");
        }
        fixtures::complete_jobs(&stack, &mut observed);
    }
}

#[test]
fn every_pod_is_reached_by_a_policy_and_none_is_made_where_they_are_disabled() {
    let mut stack = fixtures::valid();
    let made = |stack: &ValidStack| network_policy_names(&plan(stack, &fixtures::serving(stack), &[]));
    assert_eq!(
        made(&stack),
        [
            "demo",
            "demo-auth",
            "demo-user",
            "demo-posts",
            "demo-feed",
            "demo-postgres",
            "demo-kafka",
            "demo-redis",
            "demo-gateway"
        ]
    );
    stack.network_policy = NetworkPolicyMode::Disabled;
    assert!(made(&stack).is_empty());
}

fn network_policy_names(plan: &Plan) -> Vec<String> {
    let policies = fixtures::ids(&plan.children).into_iter().filter(|id| id.kind == Kind::NetworkPolicy);
    policies.map(|id| id.name).collect()
}

#[test]
fn only_components_with_several_pods_have_a_disruption_budget() {
    let mut stack = fixtures::valid();
    let made = |stack: &ValidStack| {
        let plan = plan(stack, &fixtures::serving(stack), &[]);
        let budgets = plan.children.into_iter().filter(|child| child.id().kind == Kind::PodDisruptionBudget);
        budgets.collect::<Vec<_>>()
    };
    assert!(made(&stack).is_empty());
    stack.services.feed.replicas = 3;
    let budgets = made(&stack);
    assert_eq!(budgets.iter().map(|child| child.id().name).collect::<Vec<_>>(), ["demo-feed"]);
    for budget in budgets {
        if let Child::PodDisruptionBudget(object) = budget {
            golden!("poddisruptionbudget-demo-feed", object);
        }
    }
}

#[test]
fn traces_have_their_settings_and_a_way_out() {
    let mut asked = fixtures::stack();
    asked.spec.observability.tracing = serde_json::from_value(serde_json::json!({
        "endpoint": "http://otel-collector.monitoring.svc:4318", "samplingRatio": "0.1"
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let children = plan(&stack, &fixtures::serving(&stack), &[]).children;
    for child in children {
        match (child.id().name.as_str(), child) {
            ("demo-tracing", Child::NetworkPolicy(object)) => golden!("networkpolicy-demo-tracing", object),
            ("demo-feed", Child::Deployment(object)) => golden!("deployment-demo-feed-with-tracing", object),
            _ => {}
        }
    }
}

#[test]
fn routes_take_the_place_of_the_gateway_and_go_with_the_wish_for_them() {
    let mut asked = fixtures::stack();
    asked.spec.public_url = "https://community.example.org".into();
    asked.spec.gateway = serde_json::from_value(serde_json::json!({
        "gatewayAPI": {
            "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "https"}], "trustedHops": 2,
        },
        "hostnames": ["community.example.org", "*.example.net"],
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let mut ways: Vec<_> = plan(&stack, &observed, &[])
        .children
        .into_iter()
        .filter(|child| child.id().name == "demo-gateway")
        .collect();
    assert_eq!(ways.len(), 1);
    let id = ways[0].id();
    golden!("httproute-demo-gateway", ways.remove(0));

    observed.seen.insert(id.clone(), fixtures::ours());
    assert!(orphans(&plan(&stack, &observed, &[]), &observed).is_empty());
    asked.spec.gateway = crate::api::v1alpha1::Gateway::default();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    assert_eq!(orphans(&plan(&stack, &observed, &[]), &observed), [id]);
}

#[test]
fn a_gateway_makes_its_certificate_where_nobody_gives_one() {
    let mut asked = fixtures::stack();
    asked.spec.public_url = "https://localhost:8443".into();
    asked.spec.gateway.traefik.as_mut().unwrap().tls =
        serde_json::from_value(serde_json::json!({"selfSigned": {}})).unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let gateway = |observed: &Observed| {
        let children = plan(&stack, observed, &[]).children.into_iter();
        children
            .filter(|child| child.id() == ChildId { kind: Kind::Deployment, name: "demo-gateway".into() })
            .count()
    };
    let mut secrets = plan(&stack, &Observed::default(), &[]).secrets.into_iter();
    let secret = secrets.find(|secret| secret.name == "demo-gateway-tls").unwrap();
    let hosts =
        ["localhost", "demo-gateway.demo.svc", "demo-gateway.demo", "demo-gateway"].map(str::to_owned);
    assert_eq!(secret.recipe, Recipe::Certificate { hosts: hosts.into(), requested_at: None });
    assert_eq!(gateway(&Observed::default()), 0, "it waits for its certificate");
    assert_eq!(gateway(&fixtures::with_secrets(&stack)), 1);
}

#[test]
fn an_ingress_takes_the_place_of_the_gateway() {
    let mut asked = fixtures::stack();
    asked.spec.public_url = "https://community.example.org".into();
    asked.spec.gateway = serde_json::from_value(serde_json::json!({"ingress": {
        "className": "nginx", "tlsSecretName": "community-tls",
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
    }}))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let plan = plan(&stack, &fixtures::serving(&stack), &[]);
    let gateways: Vec<_> =
        plan.children.into_iter().filter(|child| child.id().name == "demo-gateway").collect();
    assert_eq!(gateways.len(), 1);
    golden!("ingress-demo-gateway", gateways[0]);
}
