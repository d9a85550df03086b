//! What changes in a plan with what a stack asks for.

use super::*;

#[test]
fn storage_grows_by_the_claims_and_leaves_the_template() {
    let mut stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    observed.stateful_sets.get_mut("demo-postgres").unwrap().storage = Some("10Gi".into());
    let before = plan(&stack, &observed, &[]);
    if let Source::Managed(postgres) = &mut stack.postgres {
        postgres.storage.size = Amount::new("20Gi");
    }
    let after = plan(&stack, &observed, &[]);
    let set = |plan: &Plan| {
        plan.children.iter().find(|child| matches!(child, Child::StatefulSet(_))).unwrap().fingerprint()
    };
    assert_eq!(set(&before), set(&after));
    assert!(after.children.iter().any(|child| child.id().name == "data-demo-postgres-0"));
}

#[test]
fn a_full_volume_grows_although_its_pod_is_not_ready() {
    let mut stack = fixtures::valid();
    let mut observed = fixtures::serving(&stack);
    let postgres = observed.stateful_sets.get_mut("demo-postgres").unwrap();
    (postgres.ready, postgres.storage) = (0, Some("10Gi".into()));
    let claims = |stack: &ValidStack| {
        let ids = fixtures::ids(&plan(stack, &observed, &[]).children);
        ids.into_iter().filter(|id| id.name == "data-demo-postgres-0").count()
    };
    assert_eq!(claims(&stack), 0, "before they are there, claims can't be asked for");
    if let Source::Managed(postgres) = &mut stack.postgres {
        postgres.storage.size = Amount::new("20Gi");
    }
    assert_eq!(claims(&stack), 1);
}

#[test]
fn data_goes_with_the_stack_only_where_the_policy_says_so() {
    let mut stack = fixtures::valid();
    for (policy, word) in [(DeletionPolicy::Retain, "Retain"), (DeletionPolicy::Delete, "Delete")] {
        stack.deletion_policy = policy;
        let plan = plan(&stack, &fixtures::serving(&stack), &[]);
        assert_eq!(plan.secrets_owned, policy == DeletionPolicy::Delete);
        for child in &plan.children {
            if let Child::StatefulSet(set) = child {
                let retention =
                    set.spec.as_ref().unwrap().persistent_volume_claim_retention_policy.clone().unwrap();
                assert_eq!(retention.when_deleted.as_deref(), Some(word));
            }
        }
    }
}

#[test]
fn auth_waits_for_secrets_that_people_give_and_rolls_when_they_change() {
    let mut asked = fixtures::stack();
    asked.spec.auth.first_administrator = Some(SecretRef { name: "root".into() });
    asked.spec.mail.smtp = serde_json::from_value(serde_json::json!({
        "host": "smtp.example.org", "from": "no-reply@example.org", "secretRef": {"name": "smtp"}
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&stack);
    let waiting = plan(&stack, &observed, &[]);
    assert_eq!((waiting.missing.len(), waiting.held), (2, vec![Service::Auth]));

    let deployment = |observed: &Observed| {
        let children = plan(&stack, observed, &[]).children;
        children
            .into_iter()
            .find(|child| child.id().name == "demo-auth" && child.id().kind == Kind::Deployment)
    };
    for (name, keys) in [("root", ["username", "email", "password"]), ("smtp", ["username", "password", ""])]
    {
        let keys = keys.map(str::to_owned).into();
        observed
            .given
            .insert(name.into(), GivenSeen { keys, digest: "before".into(), ..GivenSeen::default() });
    }
    let before = deployment(&observed).unwrap();
    observed.given.get_mut("smtp").unwrap().digest = "after".into();
    assert_ne!(before, deployment(&observed).unwrap());
    if let Child::Deployment(object) = before {
        golden!("deployment-demo-auth-with-mail", object);
    }
    let policies = plan(&stack, &observed, &[]).children;
    let mail = policies.into_iter().find(|child| child.id().name == "demo-mail").unwrap();
    if let Child::NetworkPolicy(object) = mail {
        golden!("networkpolicy-demo-mail", object);
    }
}

#[test]
fn a_proxy_before_the_gateway_is_believed_and_counted() {
    let mut asked = fixtures::stack();
    asked.spec.gateway.traefik.as_mut().unwrap().trusted_proxies =
        vec!["192.0.2.7".into(), "10.0.0.0/8".into()];
    asked.spec.gateway.traefik.as_mut().unwrap().trusted_hops = 2;
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let children = plan(&stack, &fixtures::serving(&stack), &[]).children;
    let container = |name: &str| {
        let child =
            children.iter().find(|child| child.id().name == name && child.id().kind == Kind::Deployment);
        let Some(Child::Deployment(deployment)) = child else { unreachable!("a Deployment {name}") };
        deployment.spec.clone().unwrap().template.spec.unwrap().containers.remove(0)
    };
    let trusted = "--entryPoints.web.forwardedHeaders.trustedIPs=192.0.2.7,10.0.0.0/8";
    assert!(container("demo-gateway").args.unwrap().iter().any(|argument| argument == trusted));
    let hops =
        container("demo-auth").env.unwrap().into_iter().find(|env| env.name == "TRACKLORE_TRUSTED_HOPS");
    assert_eq!(hops.unwrap().value.as_deref(), Some("3"));
}

#[test]
fn where_pods_run_and_what_is_added_to_them_reaches_the_pods_and_leaves_what_restricts_them() {
    let mut asked = fixtures::stack();
    asked.spec.services.posts.scheduling = serde_json::from_value(serde_json::json!({
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "important",
        "topologySpreadConstraints": []
    }))
    .unwrap();
    asked.spec.services.posts.pod_overrides = serde_json::from_value(serde_json::json!({
        "metadata": {"annotations": {"example.org/team": "posts"}},
        "spec": {
            "volumes": [{"name": "room", "emptyDir": {}}],
            "containers": [
                {"name": "posts", "volumeMounts": [{"name": "room", "mountPath": "/room"}]},
                {"name": "beside", "image": "example.org/beside:1"}
            ]
        }
    }))
    .unwrap();
    let stack = crate::stack::validate::validate(&asked).unwrap();
    let mut observed = fixtures::serving(&fixtures::valid());
    observed.seen.clear();
    let completed = plan(&fixtures::valid(), &observed, &[]).completed;
    let plan = plan(&stack, &observed, &completed);
    assert!(plan.held.is_empty(), "what has run isn't run again because it would run elsewhere now");
    for child in plan.children {
        if child.id() == (ChildId { kind: Kind::Deployment, name: "demo-posts".into() }) {
            golden!("deployment-demo-posts-with-additions", child);
        }
    }
}

#[test]
fn nodes_of_kafka_are_spread_as_asked_or_over_zones_and_nodes_and_a_single_pod_only_when_asked() {
    let keys = |asked: serde_json::Value| {
        let mut stack = fixtures::stack();
        stack.spec.kafka.managed = serde_json::from_value(asked).unwrap();
        let stack = crate::stack::validate::validate(&stack).unwrap();
        let children = plan(&stack, &fixtures::serving(&stack), &[]).children;
        let Child::StatefulSet(set) = fixtures::find(&children, Kind::StatefulSet, "demo-kafka") else {
            unreachable!()
        };
        let spread = set.spec.unwrap().template.spec.unwrap().topology_spread_constraints;
        spread.unwrap_or_default().into_iter().map(|it| it.topology_key).collect::<Vec<_>>()
    };
    let usual = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"];
    assert_eq!(keys(serde_json::json!({})), [""; 0]);
    assert_eq!(keys(serde_json::json!({"nodes": 3})), usual);
    let asked =
        serde_json::json!([{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"}]);
    for nodes in [1, 3] {
        let scheduling = serde_json::json!({"topologySpreadConstraints": asked.clone()});
        assert_eq!(keys(serde_json::json!({"nodes": nodes, "scheduling": scheduling})), ["rack"]);
    }
}
