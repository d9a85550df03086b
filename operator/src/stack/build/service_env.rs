//! The environment of the services: what each is told, and from which Secret.

use k8s_openapi::api::core::v1::EnvVar;

use super::{
    authority::Authority,
    certificate, kafka,
    login::{self, Reference},
    pod::{env, secret_env},
    postgres, secrets, tracing,
};
use crate::{
    api::v1alpha1::{EmailVerification, Smtp, SmtpTls},
    stack::{
        component::{Component, Service},
        given,
        observed::Observed,
        validate::ValidStack,
    },
};

/// Where auth finds its signing keys.
pub const SIGNING_KEYS: &str = "/var/run/tracklore/signing-keys";
/// Where auth finds the passwords of its client services.
pub const CLIENTS: &str = "/var/run/tracklore/clients";

/// How many passwords auth hashes at a time.
const HASHING_THREADS: &str = "TRACKLORE_PASSWORD_THREADS";

/// The environment of one service.
pub fn environment(stack: &ValidStack, observed: &Observed, service: Service) -> Vec<EnvVar> {
    let mut variables = common(stack, observed, service);
    if service.has_database() {
        variables.extend(database(
            stack,
            service,
            "TRACKLORE_DATABASE",
            &login::runtime(stack, observed, service),
        ));
    }
    variables.push(env("TRACKLORE_INTERNAL_TLS_DIR", certificate::FOLDER));
    if service == Service::Auth {
        variables.extend(auth(stack));
    } else {
        variables.extend(published_keys(stack));
    }
    if Service::CLIENTS.contains(&service) {
        variables.extend(client(stack, service));
    }
    if service == Service::Feed {
        variables.extend(feed(stack, observed));
    }
    variables.extend(tracing::environment(stack));
    let own = &stack.services.get(service).env;
    variables.extend(own.iter().map(|variable| env(&variable.name, variable.value.clone())));
    variables
}

/// The Secrets whose change makes the pods of a service start anew. Not the keys that sign: auth reads them again and again.
pub fn secrets_used(stack: &ValidStack, service: Service) -> Vec<String> {
    let names = &stack.names;
    let mut used: Vec<_> = secrets::kafka_login(stack, service).into_iter().collect();
    if service.has_database() {
        used.push(secrets::database_login(stack, service));
    }
    match service {
        Service::Auth => used.push(secrets::session_key(names)),
        Service::User | Service::Posts => {}
        Service::Feed => used.push(redis_login(stack)),
    }
    if service == Service::Auth || Service::CLIENTS.contains(&service) {
        used.push(secrets::clients(names));
    }
    let own = Component::Service(service);
    used.extend(
        given::given(stack).into_iter().filter(|given| given.component == own).map(|given| given.name),
    );
    used.extend(Authority::all(stack, service).iter().map(Authority::secret));
    used
}

/// How to reach a database, in variables that begin with `prefix`, with a login.
pub fn database(stack: &ValidStack, service: Service, prefix: &str, login: &Reference) -> Vec<EnvVar> {
    let (host, port) = postgres::host(stack);
    let database = match stack.postgres.external() {
        None => format!("tracklore_{}", service.as_str()),
        Some(external) => external.database(service),
    };
    let address = format!("postgres://{host}:{port}/{database}");
    let address = match Authority::postgres(stack) {
        Some(authority) => format!("{address}?sslmode=verify-full&sslrootcert={}", authority.path()),
        None => format!("{address}?sslmode=disable"),
    };
    vec![
        env(&format!("{prefix}_URL"), address),
        login.env(&format!("{prefix}_USERNAME"), "username"),
        login.env(&format!("{prefix}_PASSWORD"), "password"),
    ]
}

/// Name of the Secret by which the feed logs in to Redis.
fn redis_login(stack: &ValidStack) -> String {
    let given = stack.redis.external().map(|redis| redis.url_secret_ref.name.clone());
    given.unwrap_or_else(|| secrets::redis_feed(&stack.names))
}

fn redis(stack: &ValidStack, observed: &Observed) -> Vec<EnvVar> {
    if stack.redis.external().is_some() {
        return vec![secret_env("TRACKLORE_REDIS_URL", redis_login(stack), "uri")];
    }
    let login = Reference::newest(observed, redis_login(stack));
    vec![
        env("TRACKLORE_REDIS_URL", format!("rediss://{}:6379/0", stack.names.host("redis"))),
        login.env("TRACKLORE_REDIS_USERNAME", "username"),
        login.env("TRACKLORE_REDIS_PASSWORD", "password"),
    ]
}

fn common(stack: &ValidStack, observed: &Observed, service: Service) -> Vec<EnvVar> {
    let mut variables = vec![env("TRACKLORE_PUBLIC_URL", stack.public_url.clone())];
    if !stack.auth.allowed_origins.is_empty() {
        variables.push(env("TRACKLORE_ALLOWED_ORIGINS", stack.auth.allowed_origins.join(",")));
    }
    variables.extend([
        env("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", kafka::bootstrap(stack)),
        env("TRACKLORE_KAFKA_SECURITY_PROTOCOL", kafka::protocol(stack)),
    ]);
    if let Some(login) = login::kafka(stack, observed, service) {
        variables.push(login.env("TRACKLORE_KAFKA_SASL_USERNAME", "username"));
        variables.push(login.env("TRACKLORE_KAFKA_SASL_PASSWORD", "password"));
    }
    if let Some(login) = stack.kafka.external().and_then(|kafka| kafka.login.as_ref()) {
        variables.push(env("TRACKLORE_KAFKA_SASL_MECHANISM", login.mechanism.as_str()));
    }
    variables
        .extend(Authority::kafka(stack).map(|authority| env("TRACKLORE_KAFKA_CA_FILE", authority.path())));
    let ingress = stack.ingress.as_ref().map(|ingress| ingress.trusted_hops);
    if let Some(hops) = ingress.or(stack.routes.as_ref().map(|routes| routes.trusted_hops)) {
        variables.push(env("TRACKLORE_TRUSTED_HOPS", hops.to_string()));
    }
    if let Some(gateway) = &stack.gateway {
        // The gateway names the caller's address, and removes what callers say of themselves. Behind proxies that it
        // trusts, that is the nearest one's, and the client's stands so far before it.
        let hops = gateway.proxies().saturating_add(1);
        variables.push(env("TRACKLORE_TRUSTED_HOPS", hops.to_string()));
    }
    if !stack.prefix.is_empty() {
        variables.push(env("TRACKLORE_KAFKA_TOPIC_PREFIX", stack.prefix.clone()));
    }
    variables
}

fn auth(stack: &ValidStack) -> Vec<EnvVar> {
    let verification = match stack.auth.email_verification {
        EmailVerification::Required => "required",
        EmailVerification::Optional => "optional",
    };
    let mut variables = vec![
        env("TRACKLORE_EMAIL_VERIFICATION", verification),
        env("TRACKLORE_ACCESS_TOKEN_TTL", stack.auth.access_token_ttl.clone()),
        env("TRACKLORE_SIGNING_KEYS_DIR", SIGNING_KEYS),
        secret_env("TRACKLORE_SESSION_KEY", secrets::session_key(&stack.names), "session-key"),
        env("TRACKLORE_CLIENTS_DIR", CLIENTS),
    ];
    let own = &stack.services.auth;
    if own.resources.limits.cpu.is_none() && own.env.iter().all(|variable| variable.name != HASHING_THREADS) {
        // Without a limit there would be one for each core of the node, with 19 MiB each.
        variables.push(env(HASHING_THREADS, "4"));
    }
    if let Some(secret) = &stack.auth.first_administrator {
        variables.extend(["username", "email", "password"].map(|key| {
            secret_env(&format!("TRACKLORE_FIRST_ADMIN_{}", key.to_uppercase()), &secret.name, key)
        }));
    }
    if let Some(smtp) = &stack.mail {
        variables.extend(mail(smtp));
    }
    variables
}

fn mail(smtp: &Smtp) -> Vec<EnvVar> {
    let (host, port) = (&smtp.host, smtp.port);
    let url = match smtp.tls {
        SmtpTls::Required => format!("smtp://{host}:{port}?tls=required"),
        SmtpTls::Implicit => format!("smtps://{host}:{port}"),
        SmtpTls::Disabled => format!("smtp://{host}:{port}"),
    };
    let mut variables = vec![env("TRACKLORE_MAIL_URL", url), env("TRACKLORE_MAIL_FROM", smtp.from.clone())];
    if let Some(secret) = &smtp.secret_ref {
        variables.push(secret_env("TRACKLORE_MAIL_USERNAME", &secret.name, "username"));
        variables.push(secret_env("TRACKLORE_MAIL_PASSWORD", &secret.name, "password"));
    }
    variables
}

/// Where other services reach a service.
fn internal(stack: &ValidStack, service: Service) -> String {
    format!("https://{}:8081", stack.names.host(service.as_str()))
}

/// Whoever checks tokens needs auth's keys.
fn published_keys(stack: &ValidStack) -> [EnvVar; 2] {
    let keys = format!("{}/.well-known/jwks.json", internal(stack, Service::Auth));
    let authority = Authority::stack(&stack.names).path();
    [env("TRACKLORE_JWKS_URL", keys), env("TRACKLORE_INTERNAL_CA_FILE", authority)]
}

fn client(stack: &ValidStack, service: Service) -> [EnvVar; 3] {
    [
        env("TRACKLORE_AUTH_INTERNAL_URL", internal(stack, Service::Auth)),
        env("TRACKLORE_CLIENT_ID", service.as_str()),
        secret_env("TRACKLORE_CLIENT_SECRET", secrets::clients(&stack.names), service.as_str()),
    ]
}

fn feed(stack: &ValidStack, observed: &Observed) -> Vec<EnvVar> {
    let mut variables = vec![
        env("TRACKLORE_USER_INTERNAL_URL", internal(stack, Service::User)),
        env("TRACKLORE_POSTS_INTERNAL_URL", internal(stack, Service::Posts)),
    ];
    variables.extend(redis(stack, observed));
    variables
        .extend(Authority::redis(stack).map(|authority| env("TRACKLORE_REDIS_CA_FILE", authority.path())));
    variables
}
