//! Every rule of the definition is tried at the API server: what breaks it is refused, with the rule's own words and for nothing
//! else.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tracklore_operator::api::v1alpha1::{TrackloreStack, crd};

use crate::spaces::{Space, spec};

/// Cases that are tried at the same time.
const AT_ONCE: usize = 8;

/// Takes a field away, in a patch.
const GONE: Value = Value::Null;

/// The message of each rule, and whether the rule compares with what was there before.
type Rules = BTreeMap<String, bool>;

/// What breaks a rule. All changes are JSON merge patches.
struct Case {
    /// How the rule's message begins; enough to tell it from the others.
    words: &'static str,
    /// A name that breaks it, where it is about the name.
    name: Option<&'static str>,
    /// The change to the small spec that makes the good one.
    good: Value,
    /// Changes to the good spec, each of which breaks this rule alone.
    bad: Vec<Value>,
}

fn case(words: &'static str, good: Value, bad: impl Into<Vec<Value>>) -> Case {
    Case { words, name: None, good, bad: bad.into() }
}

/// A patch of one field, and of nothing beside its path.
fn at(path: &str, value: impl Into<Value>) -> Value {
    path.rsplit('.').fold(value.into(), |value, field| json!({field: value}))
}

impl Case {
    /// What to do so that the API server and the case agree.
    async fn failures(&self, stacks: &Api<TrackloreStack>, rules: &Rules, number: usize) -> Vec<String> {
        let words = self.words;
        let meant: Vec<_> = rules.iter().filter(|(message, _)| message.starts_with(words)).collect();
        let &[(message, &compares)] = meant.as_slice() else {
            let count = meant.len();
            return vec![format!(
                "the words \"{words}\" begin {count} rules: give the case those of one, or remove it"
            )];
        };
        // What is compared with must be there; the rest needn't be made.
        let name = format!("case-{number}");
        let good = merged(spec(), &self.good);
        let reasons = ask(stacks, &name, &whole(&name, &good), !compares).await;
        if !reasons.is_empty() {
            return vec![format!("\"{words}\": correct the good spec {good}, which is refused: {reasons:?}")];
        }
        let mut failures = Vec::new();
        for bad in &self.bad {
            let reasons = if compares {
                ask(stacks, &name, &Patch::Merge(json!({"spec": bad})), true).await
            } else {
                let name = self.name.unwrap_or(&name);
                ask(stacks, name, &whole(name, &merged(good.clone(), bad)), true).await
            };
            match reasons.as_slice() {
                [] => failures.push(format!("\"{words}\": correct the rule or the case: {bad} is taken")),
                [only] if only.ends_with(message) => {}
                others => failures.push(format!(
                    "\"{words}\": let {bad} break this rule alone; it is refused with {others:?}"
                )),
            }
        }
        failures
    }
}

/// Asks for a stack, and tells the reasons for which the API server refuses it: none when it takes it.
async fn ask(stacks: &Api<TrackloreStack>, name: &str, patch: &Patch<Value>, dry_run: bool) -> Vec<String> {
    // Strict: a misspelt field would be dropped, and break nothing.
    let params = PatchParams { dry_run, ..PatchParams::apply("test").validation_strict() };
    match stacks.patch(name, &params, patch).await {
        Ok(_) => Vec::new(),
        Err(kube::Error::Api(status)) => {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let causes: Vec<_> = causes.map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
            if causes.is_empty() { vec![status.to_string()] } else { causes }
        }
        Err(error) => vec![error.to_string()],
    }
}

/// All of a stack.
fn whole(name: &str, spec: &Value) -> Patch<Value> {
    Patch::Apply(json!({
        "apiVersion": "tracklore.io/v1alpha1", "kind": "TrackloreStack", "metadata": {"name": name}, "spec": spec,
    }))
}

fn merged(mut value: Value, patch: &Value) -> Value {
    merge(&mut value, patch);
    value
}

/// As RFC 7396 has it.
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        value.clone_from(patch);
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (name, change) in changes {
        merge(&mut value[name.as_str()], change);
    }
    value.as_object_mut().unwrap().retain(|_, field| !field.is_null());
}

/// Collects the rules in a part of the definition. Some are at several places, with the same message: they count as one.
fn collect(part: &Value, rules: &mut Rules) {
    for rule in part["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let message = rule["message"].as_str();
        let message = message.unwrap_or_else(|| panic!("give the rule {rule} a message: it says what to do"));
        let compares = rule["rule"].as_str().unwrap().contains("oldSelf");
        *rules.entry(message.to_owned()).or_default() |= compares;
    }
    let members = part.as_object().into_iter().flat_map(|object| object.values());
    members.chain(part.as_array().into_iter().flatten()).for_each(|part| collect(part, rules));
}

fn cases() -> Vec<Case> {
    let parts = [names(), stack(), services(), gateway(), copies(), volumes(), redis()];
    let servers = [postgres(), external_postgres(), cloud_native_pg(), kafka(), external_kafka()];
    parts.into_iter().chain(servers).flatten().collect()
}

fn names() -> Vec<Case> {
    let named = |words, name| Case { name: Some(name), ..case(words, json!({}), [json!({})]) };
    vec![
        named("the name has more than 40 characters", "a-stack-with-a-name-of-forty-one-letters1"),
        named("the name becomes part of host names", "1st"),
        named("the name becomes part of host names", "with.dot"),
    ]
}

fn stack() -> Vec<Case> {
    let urls =
        ["https://x.example/", "https://x.example/app", "https://X.example", "ftp://x.example", "x.example"];
    let (ttl, soak) = ("auth.accessTokenTtl", "rollout.contract.soak");
    let smtp = json!({"host": "mail.example", "from": "us@mail.example", "secretRef": {"name": "smtp"}});
    vec![
        case("publicUrl must be an origin", json!({}), urls.map(|url| at("publicUrl", url))),
        case("accessTokenTtl must be", at(ttl, "1m30s"), ["29s", "61m", "5 minutes"].map(|bad| at(ttl, bad))),
        case("soak must be a number", at(soak, "90m"), ["0h", "24", "1d"].map(|bad| at(soak, bad))),
        case("a password would travel", at("mail.smtp", smtp), [at("mail.smtp.tls", "Disabled")]),
    ]
}

fn services() -> Vec<Case> {
    let (feed, scaling) = ("services.feed.image", "services.feed.autoscaling");
    let redis = |image: &str| at("images.overrides", json!([{"name": "redis", "image": image}]));
    // The port of a registry is no tag.
    let (tagged, bare) = ("registry.example:5000/feed:1", "registry.example:5000/feed");
    vec![
        case("an image needs a tag", at(feed, tagged), [at(feed, bare), at(feed, "feed")]),
        case("an image needs a tag", redis("redis:8"), [redis("redis")]),
        case(
            "minReplicas is above maxReplicas",
            at(scaling, json!({"minReplicas": 3, "maxReplicas": 3})),
            [at(scaling, json!({"minReplicas": 4}))],
        ),
    ]
}

fn gateway() -> Vec<Case> {
    let gateway_api = json!({"parentRefs": [{"name": "edge"}]});
    let (service, tls) = ("gateway.traefik.service", "gateway.traefik.tls");
    vec![
        case(
            "gateway has more than one of",
            json!({}),
            [at("gateway.ingress", json!({})), at("gateway.gatewayAPI", gateway_api)],
        ),
        case(
            "trustedHops counts proxies that are believed",
            at("gateway.traefik", json!({"trustedHops": 2, "trustedProxies": ["192.0.2.7"]})),
            [at("gateway.traefik", json!({"trustedHops": 2, "trustedProxies": []}))],
        ),
        case(
            "nodePort needs type NodePort",
            at(service, json!({"type": "NodePort", "nodePort": 30080})),
            [at(service, json!({"type": "ClusterIP"}))],
        ),
        case(
            "gateway.traefik.tls needs one of",
            at(tls, json!({"selfSigned": {}})),
            [at(tls, json!({"selfSigned": null})), at(tls, json!({"secretRef": {"name": "tls"}}))],
        ),
    ]
}

fn copies() -> Vec<Case> {
    let (claim, bucket) =
        (json!({"name": "copies"}), json!({"bucket": "copies", "secretRef": {"name": "s3"}}));
    let backup = json!({"schedule": "@daily", "keySecretRef": {"name": "key"}, "target": {"claim": claim}});
    let backup = at("backup", backup);
    let restore = at("restore", json!({"keySecretRef": {"name": "key"}, "source": {"claim": claim}}));
    let (source, decided) = ("restore.source", "restore is decided when a stack is made");
    let in_bucket = merged(restore.clone(), &at(source, json!({"claim": null, "s3": bucket})));
    let endpoints = ["https://minio.example/", "https://minio.example/s3", "minio.example:9000"];
    let elsewhere = at("postgres", postgres_elsewhere());
    vec![
        case("backup is for postgres.managed", elsewhere.clone(), [backup.clone()]),
        case("restore is for postgres.managed", elsewhere, [restore.clone()]),
        case(decided, json!({}), [restore.clone()]),
        case(decided, restore, [at("restore.source.claim.name", "others")]),
        case(
            "copies are kept in exactly one place",
            backup,
            [at("backup.target.claim", GONE), at("backup.target.s3", bucket)],
        ),
        case(
            "endpoint must be an origin",
            in_bucket,
            endpoints.map(|endpoint| at("restore.source.s3.endpoint", endpoint)),
        ),
    ]
}

/// Volumes of Redis have rules of their own.
fn volumes() -> Vec<Case> {
    let size = |server: &str, size: Value| at(&format!("{server}.managed.storage.size"), size);
    let class = |server: &str, class: Value| at(&format!("{server}.managed.storage.className"), class);
    vec![
        case(
            "storage can't shrink",
            json!({}),
            [size("kafka", json!("10239Mi")), size("postgres", json!(1)), size("redis", json!("1Gi"))],
        ),
        case(
            "className can't change",
            class("kafka", json!("fast")),
            [class("kafka", json!("slow")), class("kafka", GONE), class("redis", json!("fast"))],
        ),
    ]
}

fn redis() -> Vec<Case> {
    let external = json!({"urlSecretRef": {"name": "redis"}});
    let (both, other) = (json!({"external": external}), json!({"managed": null, "external": external}));
    vec![
        case("redis needs exactly one", json!({}), [at("redis.managed", GONE), at("redis", both)]),
        case("the kind of Redis can't change", json!({}), [at("redis", other)]),
    ]
}

/// A Postgres that is there already, where databases are made.
fn postgres_elsewhere() -> Value {
    let admin = json!({"secretRef": {"name": "admin"}});
    json!({"managed": null, "external": {"host": "db.example", "tls": {"mode": "Disabled"}, "admin": admin}})
}

/// A Postgres of CloudNativePG that is there already.
fn postgres_of_others() -> Value {
    json!({"managed": null, "cloudNativePG": {"clusterRef": {"name": "shared", "namePrefix": "demo_"}}})
}

fn postgres() -> Vec<Case> {
    let others = [postgres_elsewhere(), postgres_of_others()];
    vec![
        case(
            "postgres needs exactly one member",
            json!({}),
            [at("postgres.managed", GONE), at("postgres.cloudNativePG.cluster", json!({}))],
        ),
        case("the kind of Postgres can't change", json!({}), others.map(|other| at("postgres", other))),
    ]
}

fn external_postgres() -> Vec<Case> {
    let external = |external: Value| at("postgres.external", external);
    let database = json!({"name": "db", "secretRef": {"name": "db"}, "migrationSecretRef": {"name": "db"}});
    let databases = json!({"auth": database, "user": database, "posts": database});
    let administered = at("postgres", postgres_elsewhere());
    let (no_owner, given) = (json!({"admin": null}), json!({"admin": null, "databases": databases}));
    let mut prepared = administered.clone();
    merge(&mut prepared["postgres"]["external"], &given);
    vec![
        case(
            "postgres.external needs exactly one of",
            administered.clone(),
            [external(no_owner), external(json!({"databases": databases}))],
        ),
        case("admin and databases can't", administered.clone(), [external(given)]),
        case("namePrefix can't change", administered, [external(json!({"admin": {"namePrefix": "other_"}}))]),
        case(
            "the name can't change",
            prepared,
            ["auth", "user", "posts"]
                .map(|service| external(json!({"databases": {service: {"name": "other"}}}))),
        ),
    ]
}

fn cloud_native_pg() -> Vec<Case> {
    let (cluster, reference) = ("postgres.cloudNativePG.cluster", "postgres.cloudNativePG.clusterRef");
    let shared = at("postgres", postgres_of_others());
    let swapped = at("postgres.cloudNativePG", json!({"clusterRef": null, "cluster": {}}));
    let replicated = json!({"managed": null, "cloudNativePG": {"cluster": {"synchronous": {}}}});
    vec![
        case(
            "postgres.cloudNativePG needs exactly one of",
            shared.clone(),
            [at(reference, GONE), at(cluster, json!({}))],
        ),
        case("cluster and clusterRef can't", shared.clone(), [swapped]),
        case("the Cluster can't change", shared.clone(), [at(reference, json!({"name": "other"}))]),
        case("namePrefix can't change", shared, [at(reference, json!({"namePrefix": "other_"}))]),
        case(
            "synchronous.standbys must be less than instances",
            at("postgres", replicated),
            [at(cluster, json!({"instances": 1})), at(cluster, json!({"synchronous": {"standbys": 3}}))],
        ),
    ]
}

/// A Kafka that is there already.
fn kafka_elsewhere() -> Value {
    let servers = json!(["kafka.example:9093"]);
    json!({"managed": null, "external": {"bootstrapServers": servers, "tls": {"mode": "Disabled"}}})
}

fn kafka() -> Vec<Case> {
    let (nodes, prefix, topics) = ("kafka.managed.nodes", "kafka.prefix", "kafka.topics");
    let strimzi = json!({"clusterRef": {"name": "shared"}});
    let shared = at("kafka", json!({"managed": null, "strimzi": strimzi}));
    let divided = |partitions: i32| json!([{"name": "posts-events", "partitions": partitions}]);
    let nothing_said = json!([{"name": "posts-events"}]);
    vec![
        case(
            "kafka needs exactly one kind",
            json!({}),
            [at("kafka.managed", GONE), at("kafka.strimzi", strimzi)],
        ),
        case("the kind of Kafka can't change", json!({}), [at("kafka", kafka_elsewhere()), shared.clone()]),
        case("the Kafka can't change", shared.clone(), [at("kafka.strimzi.clusterRef.name", "other")]),
        case("prefix can't be empty with strimzi", shared, [at(prefix, "")]),
        case(
            "prefix can't change",
            at(prefix, "demo."),
            [at(prefix, "other."), at(prefix, ""), at(prefix, GONE)],
        ),
        case(
            "partitions can't shrink",
            at(topics, divided(6)),
            [divided(5), nothing_said, json!([])].map(|bad| at(topics, bad)),
        ),
        case("nodes must be 1 or 3", json!({}), [at(nodes, 2)]),
        case("nodes can't change", json!({}), [at(nodes, 3)]),
    ]
}

fn external_kafka() -> Vec<Case> {
    let (sasl, tls) = ("kafka.external.sasl", "kafka.external.tls.mode");
    let elsewhere = at("kafka", kafka_elsewhere());
    let admin = json!({"admin": {"secretRef": {"name": "admin"}}});
    let mut administered = elsewhere.clone();
    administered["kafka"]["external"]["sasl"] = admin;
    vec![
        case("tls needs caSecretRef", elsewhere, [at(tls, "Required"), at(tls, GONE)]),
        case("kafka.external.sasl needs admin", administered.clone(), [at(sasl, json!({"admin": null}))]),
        case("users of the mechanism PLAIN", administered, [at(sasl, json!({"mechanism": "PLAIN"}))]),
    ]
}

#[tokio::test]
async fn every_rule_of_the_definition_refuses_what_it_is_about_with_its_own_words() {
    let mut rules = Rules::new();
    collect(&crd::definition().unwrap(), &mut rules);
    let cases = cases();
    let untried = rules.keys().filter(|message| !cases.iter().any(|case| message.starts_with(case.words)));
    let mut failures: Vec<_> =
        untried.map(|message| format!("\"{message}\": add a case that breaks it")).collect();

    let space = Space::new("rules").await;
    let stacks = space.api::<TrackloreStack>();
    let tried = stream::iter(cases.iter().enumerate())
        .map(async |(number, case)| case.failures(&stacks, &rules, number).await)
        .buffer_unordered(AT_ONCE);
    failures.extend(tried.collect::<Vec<_>>().await.into_iter().flatten());
    failures.sort();
    assert!(failures.is_empty(), "the rules and their cases don't agree:\n{}", failures.join("\n"));
}
