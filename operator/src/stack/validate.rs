//! Turns a stack into one that can be built, or into sentences that say what to do.
//!
//! The rules of the CRD are checked by the API server. What they can't decide is decided here, and so are the rules whose
//! breach would make `build` fail: a stack may be older than a rule.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::PodTemplateSpec;

use crate::api::v1alpha1::{
    Auth, Backup, Contract, DeletionPolicy, EmailVerification, GatewayApi, Ingress, Kafka, NetworkPolicyMode,
    Postgres, Restore, ServiceSettings, Smtp, Tracing, TrackloreStack, TrackloreStackSpec, Traefik,
};

use super::{
    build::CLUSTER,
    component::{Component, Names, PerService, Service},
    placement::Placement,
    pod_overrides,
    reserved::is_reserved,
    rotation::Rule,
    source::{ForeignKafka, ForeignPostgres, KafkaSource, PostgresSource, RedisSource, Source},
    topics::{self, Topic},
    versions::{self, ImageSet},
};

/// A stack that can be built.
#[derive(Clone, Debug)]
pub struct ValidStack {
    /// Name and namespace.
    pub names: Names,
    /// Identity of this very stack; one made again has another.
    pub uid: String,
    /// The version asked for.
    pub version: String,
    /// The images of that version.
    pub images: ImageSet,
    /// Names of Secrets for pulling them.
    pub pull_secrets: Vec<String>,
    /// The issuer.
    pub public_url: String,
    /// Whether nothing may be written.
    pub paused: bool,
    /// Whether the services rest. Then they and the gateway are asked for no pods.
    pub suspended: bool,
    /// What happens to data in the end.
    pub deletion_policy: DeletionPolicy,
    /// Settings of the services.
    pub services: PerService<ServiceSettings>,
    /// Where pods may run.
    pub placements: BTreeMap<Component, Placement>,
    /// Additions to the pods of the services.
    pub pod_overrides: PerService<PodTemplateSpec>,
    /// Postgres.
    pub postgres: PostgresSource,
    /// Kafka.
    pub kafka: KafkaSource,
    /// Put before topics and groups.
    pub prefix: String,
    /// All topics.
    pub topics: Vec<Topic>,
    /// Redis.
    pub redis: RedisSource,
    /// `redis.managed.maxMemory` in bytes.
    pub redis_bytes: i64,
    /// Sign-up and tokens.
    pub auth: Auth,
    /// The mail server, where one is given.
    pub mail: Option<Smtp>,
    /// Where traces go, if anywhere.
    pub tracing: Option<Tracing>,
    /// The gateway, where one is asked for.
    pub gateway: Option<Traefik>,
    /// The Ingress, where one is asked for instead.
    pub ingress: Option<Ingress>,
    /// The routes of the Gateway API, where they are asked for instead.
    pub routes: Option<GatewayApi>,
    /// The names that clients call; by default what each kind of gateway says.
    pub hostnames: Vec<String>,
    /// Whether NetworkPolicies are made.
    pub network_policy: NetworkPolicyMode,
    /// When the keys that sign tokens get a successor.
    pub key_rotation: Rule,
    /// When the logins to databases get one.
    pub login_rotation: Rule,
    /// When databases lose what only older versions use.
    pub contract: Contract,
    /// Copies that are made, if any.
    pub backup: Option<Backup>,
    /// The copy that it begins with, if it does.
    pub restore: Option<Restore>,
}

impl ValidStack {
    /// Where the pods of a component may run.
    pub fn placement(&self, component: Component) -> Placement {
        self.placements.get(&component).cloned().unwrap_or_default()
    }
}

/// Why a stack can't be built: at least one sentence, each saying what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Vec<String>);

/// Checks a stack.
pub fn validate(stack: &TrackloreStack) -> Result<ValidStack, Refusal> {
    let spec = &stack.spec;
    let mut refusals = Vec::new();

    let services = PerService::from_fn(|service| service_settings(spec, service));
    refusals.extend(Service::ALL.into_iter().flat_map(|service| reserved(service, services.get(service))));

    let placements = placements(stack, &mut refusals);
    let pod_overrides = PerService::from_fn(|service| {
        services.get(service).pod_overrides.as_ref().map(|asked| pod_overrides::read(service, asked))
    });
    refusals.extend(Service::ALL.into_iter().filter_map(|service| {
        pod_overrides.get(service).as_ref().and_then(|read| read.as_ref().err().cloned())
    }));
    let pod_overrides = PerService::from_fn(|service| {
        pod_overrides.get(service).clone().and_then(Result::ok).unwrap_or_default()
    });
    let images = ImageSet::of(&spec.version, &spec.images, |service| services.get(service).image.clone());
    let runs = stack.status.as_ref().and_then(|status| status.version.as_deref());
    refusals.extend(versions::refusal(&spec.version, runs));
    if spec.auth.email_verification == EmailVerification::Required && spec.mail.smtp.is_none() {
        refusals.push(
            "auth.emailVerification is Required, but there is no way to send mail; set mail.smtp, or auth.emailVerification: Optional"
                .to_owned(),
        );
    }
    let tls = spec.gateway.traefik.as_ref().is_some_and(|gateway| gateway.tls.is_some());
    if tls && !spec.public_url.starts_with("https://") {
        refusals.push(format!(
            "gateway.traefik.tls is set, but publicUrl is {}; let it start with https://, or remove tls",
            spec.public_url
        ));
    }
    let kafka = spec.kafka.managed.clone();
    if let Some(kafka) = &kafka
        && !matches!(kafka.nodes, 1 | 3)
    {
        refusals.push(format!("kafka.managed.nodes is {}; set it to 1 or 3", kafka.nodes));
    }
    let topics = topics::resolve(kafka.as_ref().map(|kafka| kafka.nodes), &spec.kafka.topics).unwrap_or_else(
        |sentences| {
            refusals.extend(sentences);
            Vec::new()
        },
    );
    let redis_bytes = spec.redis.managed.as_ref().and_then(|redis| redis.max_memory.bytes()).unwrap_or(0);
    if spec.redis.managed.is_some() && redis_bytes < 16 << 20 {
        refusals.push(
            "redis.managed.maxMemory must be a whole amount of at least 16Mi, such as 512Mi".to_owned(),
        );
    }

    refusals.extend(without_own_postgres(spec));
    let postgres = postgres(stack);
    let kafka = kafka_source(stack);
    let redis = Source::of(spec.redis.managed.clone(), spec.redis.external.clone());
    let unclear = [("postgres", postgres.is_none()), ("kafka", kafka.is_none()), ("redis", redis.is_none())];
    refusals.extend(unclear.into_iter().filter(|(_, unclear)| *unclear).map(|(name, _)| {
        format!(
            "{name} doesn't say clearly where it comes from; set {name}.managed, {{}} is enough, or {name}.external with all that it needs"
        )
    }));

    match (images, postgres, kafka, redis, refusals.is_empty()) {
        (Some(images), Some(postgres), Some(kafka), Some(redis), true) => Ok(ValidStack {
            names: names(stack),
            uid: stack.metadata.uid.clone().unwrap_or_default(),
            version: spec.version.clone(),
            images,
            pull_secrets: spec.images.pull_secrets.iter().map(|secret| secret.name.clone()).collect(),
            public_url: spec.public_url.clone(),
            paused: spec.paused,
            suspended: spec.suspended,
            deletion_policy: spec.deletion_policy,
            services,
            placements,
            pod_overrides,
            prefix: prefix(stack),
            postgres,
            kafka,
            topics,
            redis,
            redis_bytes,
            auth: spec.auth.clone(),
            mail: spec.mail.smtp.clone(),
            tracing: spec.observability.tracing.clone(),
            gateway: gateway(spec),
            ingress: spec.gateway.ingress.clone(),
            routes: spec.gateway.gateway_api.clone(),
            hostnames: spec.gateway.hostnames.clone(),
            network_policy: spec.security.network_policy,
            key_rotation: rotation(spec, Some(spec.auth.signing_keys.rotate_after.as_str())),
            contract: spec.rollout.contract.clone(),
            login_rotation: rotation(spec, spec.security.rotation.after.as_deref()),
            backup: spec.backup.clone(),
            restore: spec.restore.clone(),
        }),
        _ => Err(Refusal(refusals)),
    }
}

/// Where Postgres comes from; none where a stack doesn't say exactly one way.
fn postgres(stack: &TrackloreStack) -> Option<PostgresSource> {
    let Postgres { managed, cloud_native_pg, external } = stack.spec.postgres.clone();
    let foreign = match (cloud_native_pg, external) {
        (Some(asked), None) => Some(ForeignPostgres::of_cloud_native_pg(&names(stack), asked)?),
        (None, Some(asked)) => Some(ForeignPostgres::of(asked)?),
        (None, None) => None,
        (Some(_), Some(_)) => return None,
    };
    Source::of(managed, foreign)
}

/// Where Kafka comes from; none where a stack doesn't say exactly one way.
fn kafka_source(stack: &TrackloreStack) -> Option<KafkaSource> {
    let Kafka { managed, strimzi, external, .. } = stack.spec.kafka.clone();
    let foreign = match (strimzi, external) {
        (Some(asked), None) => Some(ForeignKafka::of_strimzi(&names(stack), asked)),
        (None, Some(asked)) => Some(ForeignKafka::of(asked)?),
        (None, None) => None,
        (Some(_), Some(_)) => return None,
    };
    Source::of(managed, foreign)
}

/// What is asked for and only a Postgres of the operator's can have.
fn without_own_postgres(spec: &TrackloreStackSpec) -> impl Iterator<Item = String> {
    let asked = [("backup", spec.backup.is_some()), ("restore", spec.restore.is_some())];
    let refused = asked.into_iter().filter(|(_, asked)| *asked && spec.postgres.managed.is_none());
    let instead = match spec.postgres.cloud_native_pg {
        Some(_) => "; CloudNativePG keeps copies by postgres.cloudNativePG.cluster.backup",
        None => "",
    };
    refused.map(move |(field, _)| format!("{field} is for postgres.managed; remove {field}{instead}"))
}

/// When something gets a successor: at an age, where there is one, or when it is asked for. What isn't a number of days was
/// refused by the API server.
fn rotation(spec: &TrackloreStackSpec, after: Option<&str>) -> Rule {
    let days = after.and_then(|after| after.trim_end_matches('d').parse().ok());
    Rule {
        after: days.map(|days: u16| SignedDuration::from_hours(24 * i64::from(days))),
        requested_at: spec.security.rotation.requested_at.as_ref().map(|at| at.0),
    }
}

/// Name and namespace of a stack.
pub fn names(stack: &TrackloreStack) -> Names {
    Names {
        stack: stack.metadata.name.clone().unwrap_or_default(),
        namespace: stack.metadata.namespace.clone().unwrap_or_default(),
    }
}

fn gateway(spec: &TrackloreStackSpec) -> Option<Traefik> {
    let mut traefik = spec.gateway.traefik.clone()?;
    if spec.suspended {
        traefik.replicas = 0;
    }
    Some(traefik)
}

fn service_settings(spec: &TrackloreStackSpec, service: Service) -> ServiceSettings {
    let mut settings = match service {
        Service::Auth => &spec.services.auth,
        Service::User => &spec.services.user,
        Service::Posts => &spec.services.posts,
        Service::Feed => &spec.services.feed,
    }
    .clone();
    if spec.suspended {
        settings.replicas = 0;
        settings.autoscaling = None;
    }
    settings
}

/// What names of topics and groups begin with. A Kafka that is there may be others' too, and then so may names.
fn prefix(stack: &TrackloreStack) -> String {
    let names = names(stack);
    let own = || match stack.spec.kafka.managed {
        None => format!("{}.{}.", names.namespace, names.stack),
        Some(_) => String::new(),
    };
    stack.spec.kafka.prefix.clone().unwrap_or_else(own)
}

/// Where the pods of each component may run.
fn placements(stack: &TrackloreStack, refusals: &mut Vec<String>) -> BTreeMap<Component, Placement> {
    let (spec, names) = (&stack.spec, names(stack));
    let services = Service::ALL.into_iter().map(|service| {
        let field = format!("services.{}", service.as_str());
        (Component::Service(service), field, Some(service_settings(spec, service).scheduling))
    });
    let managed = |name: &str| format!("{name}.managed");
    let delegated = spec.postgres.cloud_native_pg.clone().and_then(|asked| asked.cluster);
    let others = [
        (Component::Postgres, managed("postgres"), spec.postgres.managed.clone().map(|it| it.scheduling)),
        (Component::Postgres, "postgres.cloudNativePG.cluster".into(), delegated.map(|it| it.scheduling)),
        (Component::Kafka, managed("kafka"), spec.kafka.managed.clone().map(|it| it.scheduling)),
        (Component::Redis, managed("redis"), spec.redis.managed.clone().map(|it| it.scheduling)),
        (Component::Gateway, "gateway.traefik".into(), spec.gateway.traefik.clone().map(|it| it.scheduling)),
    ];
    let asked =
        services.chain(others).filter_map(|(component, field, asked)| Some((component, field, asked?)));
    let mut placements = BTreeMap::new();
    for (component, field, asked) in asked {
        let selector = match component {
            Component::Postgres if spec.postgres.cloud_native_pg.is_some() => {
                BTreeMap::from([(CLUSTER.to_owned(), names.of(component))])
            }
            _ => names.selector(component),
        };
        match Placement::read(&format!("{field}.scheduling"), &asked, &selector) {
            Ok(placement) => drop(placements.insert(component, placement)),
            Err(sentences) => refusals.extend(sentences),
        }
    }
    if let Some(postgres) = placements.get(&Component::Postgres).cloned() {
        placements.insert(Component::Backup, postgres);
    }
    placements
}

fn reserved(service: Service, settings: &ServiceSettings) -> Vec<String> {
    let names = settings.env.iter().map(|variable| variable.name.as_str()).filter(|name| is_reserved(name));
    names
        .map(|name| {
            format!(
                "services.{}.env sets {name}, which the operator sets itself; remove it",
                service.as_str()
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::v1alpha1::{EnvVar, TrackloreStackStatus},
        stack::fixtures,
    };

    #[test]
    fn the_demo_stack_is_valid() {
        assert!(validate(&fixtures::stack()).is_ok());
    }

    #[test]
    fn an_unknown_version_is_refused_with_those_that_are_known() {
        let mut stack = fixtures::stack();
        stack.spec.version = "7.0.0".into();
        let Refusal(sentences) = validate(&stack).unwrap_err();
        assert_eq!(
            sentences,
            [
                "version 7.0.0 isn't known to this operator; set spec.version to one of 0.1.0, or upgrade the operator"
            ]
        );
    }

    #[test]
    fn what_runs_says_which_version_may_follow() {
        let mut stack = fixtures::stack();
        stack.status = Some(TrackloreStackStatus { version: Some("0.0.9".into()), ..<_>::default() });
        let Refusal(sentences) = validate(&stack).unwrap_err();
        assert!(
            sentences[0].starts_with("version 0.0.9 runs, which this operator doesn't know"),
            "{sentences:?}"
        );
    }

    #[test]
    fn required_verification_is_refused_without_a_mail_server() {
        let mut stack = fixtures::stack();
        stack.spec.auth.email_verification = EmailVerification::Required;
        let Refusal(sentences) = validate(&stack).unwrap_err();
        assert!(sentences[0].contains("set mail.smtp"), "{sentences:?}");
    }

    #[test]
    fn variables_of_the_operator_cannot_be_set_beside_it() {
        let mut stack = fixtures::stack();
        stack.spec.services.feed.env =
            vec![EnvVar { name: "TRACKLORE_REDIS_URL".into(), value: "redis://elsewhere".into() }];
        let Refusal(sentences) = validate(&stack).unwrap_err();
        assert!(sentences[0].starts_with("services.feed.env sets TRACKLORE_REDIS_URL"));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut stack = fixtures::stack();
        stack.spec.version = "7.0.0".into();
        stack.spec.postgres.managed = None;
        stack.spec.auth.email_verification = EmailVerification::Required;
        assert_eq!(validate(&stack).unwrap_err().0.len(), 3);
    }
}
