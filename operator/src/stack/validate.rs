//! Turns a stack into one that can be built, or into sentences that say what to do.
//!
//! The rules of the CRD are checked by the API server. What they can't decide is decided here, and so are the rules whose
//! breach would make `build` fail: a stack may be older than a rule.

use crate::api::v1alpha1::{
    Auth, DeletionPolicy, EmailVerification, Gateway, ManagedKafka, ManagedPostgres, ManagedRedis,
    NetworkPolicyMode, ServiceSettings, Smtp, TrackloreStack, Traefik,
};

use super::{
    component::{Names, PerService, Service},
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
    /// What happens to data in the end.
    pub deletion_policy: DeletionPolicy,
    /// Settings of the services.
    pub services: PerService<ServiceSettings>,
    /// Postgres.
    pub postgres: ManagedPostgres,
    /// Kafka.
    pub kafka: ManagedKafka,
    /// Put before topics and groups.
    pub prefix: String,
    /// All topics.
    pub topics: Vec<Topic>,
    /// Redis.
    pub redis: ManagedRedis,
    /// `redis.maxMemory` in bytes.
    pub redis_bytes: i64,
    /// Sign-up and tokens.
    pub auth: Auth,
    /// The mail server, where one is given.
    pub mail: Option<Smtp>,
    /// The gateway, where one is asked for.
    pub gateway: Option<Traefik>,
    /// Whether NetworkPolicies are made.
    pub network_policy: NetworkPolicyMode,
}

/// Why a stack can't be built: at least one sentence, each saying what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Vec<String>);

/// Environment variables that the operator sets; a stack may not set them beside it.
const RESERVED: [&str; 27] = [
    "TRACKLORE_LISTEN_PUBLIC",
    "TRACKLORE_LISTEN_INTERNAL",
    "TRACKLORE_LISTEN_ADMIN",
    "TRACKLORE_PUBLIC_URL",
    "TRACKLORE_ALLOWED_ORIGINS",
    "TRACKLORE_DATABASE_URL",
    "TRACKLORE_MIGRATION_DATABASE_URL",
    "TRACKLORE_KAFKA_BOOTSTRAP_SERVERS",
    "TRACKLORE_KAFKA_SECURITY_PROTOCOL",
    "TRACKLORE_KAFKA_SASL_USERNAME",
    "TRACKLORE_KAFKA_SASL_PASSWORD",
    "TRACKLORE_KAFKA_TOPIC_PREFIX",
    "TRACKLORE_JWKS_URL",
    "TRACKLORE_AUTH_INTERNAL_URL",
    "TRACKLORE_USER_INTERNAL_URL",
    "TRACKLORE_POSTS_INTERNAL_URL",
    "TRACKLORE_CLIENT_ID",
    "TRACKLORE_CLIENT_SECRET",
    "TRACKLORE_EMAIL_VERIFICATION",
    "TRACKLORE_ACCESS_TOKEN_TTL",
    "TRACKLORE_SIGNING_KEYS_DIR",
    "TRACKLORE_CLIENTS_DIR",
    "TRACKLORE_REDIS_URL",
    "TRACKLORE_TRUSTED_HOPS",
    "TRACKLORE_MAIL_URL",
    "TRACKLORE_MAIL_FROM",
    "TRACKLORE_MAIL_USERNAME",
];
/// The same for those whose value is secret.
const RESERVED_SECRETS: [&str; 5] = [
    "TRACKLORE_SESSION_KEY",
    "TRACKLORE_MAIL_PASSWORD",
    "TRACKLORE_FIRST_ADMIN_PASSWORD",
    "TRACKLORE_FIRST_ADMIN_USERNAME",
    "TRACKLORE_FIRST_ADMIN_EMAIL",
];

/// Checks a stack.
pub fn validate(stack: &TrackloreStack) -> Result<ValidStack, Refusal> {
    let spec = &stack.spec;
    let mut refusals = Vec::new();

    let services = PerService {
        auth: spec.services.auth.clone(),
        user: spec.services.user.clone(),
        posts: spec.services.posts.clone(),
        feed: spec.services.feed.clone(),
    };
    refusals.extend(Service::ALL.into_iter().flat_map(|service| reserved(service, services.get(service))));

    let images = ImageSet::of(&spec.version, &spec.images, |service| services.get(service).image.clone());
    if images.is_none() {
        refusals.push(format!(
            "version {} isn't known to this operator; set spec.version to one of {}, or upgrade the operator",
            spec.version,
            versions::known()
        ));
    }
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
    let topics = topics::resolve(kafka.as_ref().map_or(1, |kafka| kafka.nodes), &spec.kafka.topics)
        .unwrap_or_else(|sentences| {
            refusals.extend(sentences);
            Vec::new()
        });
    let redis_bytes = spec.redis.managed.as_ref().and_then(|redis| redis.max_memory.bytes());
    if spec.redis.managed.is_some() && redis_bytes.is_none_or(|bytes| bytes < 16 << 20) {
        refusals.push(
            "redis.managed.maxMemory must be a whole amount of at least 16Mi, such as 512Mi".to_owned(),
        );
    }

    match (
        images,
        spec.postgres.managed.clone(),
        kafka,
        spec.redis.managed.clone(),
        redis_bytes,
        refusals.is_empty(),
    ) {
        (Some(images), Some(postgres), Some(kafka), Some(redis), Some(redis_bytes), true) => Ok(ValidStack {
            names: names(stack),
            uid: stack.metadata.uid.clone().unwrap_or_default(),
            version: spec.version.clone(),
            images,
            pull_secrets: spec.images.pull_secrets.iter().map(|secret| secret.name.clone()).collect(),
            public_url: spec.public_url.clone(),
            deletion_policy: spec.deletion_policy,
            services,
            postgres,
            kafka,
            prefix: spec.kafka.prefix.clone(),
            topics,
            redis,
            redis_bytes,
            auth: spec.auth.clone(),
            mail: spec.mail.smtp.clone(),
            gateway: gateway(&spec.gateway),
            network_policy: spec.security.network_policy,
        }),
        (_, postgres, kafka, redis, ..) => {
            let missing =
                [("postgres", postgres.is_none()), ("kafka", kafka.is_none()), ("redis", redis.is_none())];
            refusals.extend(missing.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| {
                format!("{name} says nothing about where it comes from; set {name}.managed, {{}} is enough")
            }));
            Err(Refusal(refusals))
        }
    }
}

/// Name and namespace of a stack.
pub fn names(stack: &TrackloreStack) -> Names {
    Names {
        stack: stack.metadata.name.clone().unwrap_or_default(),
        namespace: stack.metadata.namespace.clone().unwrap_or_default(),
    }
}

fn gateway(gateway: &Gateway) -> Option<Traefik> {
    gateway.traefik.clone()
}

fn reserved(service: Service, settings: &ServiceSettings) -> Vec<String> {
    let taken = |name: &str| RESERVED.contains(&name) || RESERVED_SECRETS.contains(&name);
    let names = settings.env.iter().map(|variable| variable.name.as_str()).filter(|name| taken(name));
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
    use crate::{api::v1alpha1::EnvVar, stack::fixtures};

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
