//! Generated Secrets: passwords, keys, addresses and certificates. Which there are, and how each is made; never what is in them.

use super::{ingress::address_host, kafka};
use crate::{
    api::v1alpha1::{Database, GatewayTls},
    stack::{
        component::{Component, Names, Service},
        logins::{Replacement, Turn},
        observed::Observed,
        plan::{GeneratedSecret, Origin, Recipe},
        source::{ForeignDatabases, ForeignKafka, ForeignLogin, ForeignPostgres, Source},
        validate::ValidStack,
    },
};

/// Name of the superuser's Secret.
pub fn postgres_superuser(names: &Names) -> String {
    names.child("postgres-superuser")
}

/// Name of the Secret of a service's runtime role.
pub fn postgres(names: &Names, service: Service) -> String {
    names.child(&format!("postgres-{}", service.as_str()))
}

/// Name of the Secret of a service's migration role.
pub fn postgres_migration(names: &Names, service: Service) -> String {
    names.child(&format!("postgres-{}-migration", service.as_str()))
}

/// Name of the Secret of Kafka's administrator.
pub fn kafka_admin(names: &Names) -> String {
    names.child("kafka-admin")
}

/// Name of the Secret of a service's Kafka user.
pub fn kafka(names: &Names, service: Service) -> String {
    names.child(&format!("kafka-{}", service.as_str()))
}

/// Name of the Secret that Kafka's nodes share.
pub fn kafka_cluster(names: &Names) -> String {
    names.child("kafka-cluster")
}

/// Name of the Secret of Redis' administrator.
pub fn redis_admin(names: &Names) -> String {
    names.child("redis-admin")
}

/// Name of the Secret of the feed's Redis user.
pub fn redis_feed(names: &Names) -> String {
    names.child("redis-feed")
}

/// Name of the Secret of the keys that sign tokens.
pub fn signing_keys(names: &Names) -> String {
    names.child("auth-signing-keys")
}

/// Name of the Secret of the key that wraps refresh keys.
pub fn session_key(names: &Names) -> String {
    names.child("auth-session-key")
}

/// Name of the Secret of the services' client passwords.
pub fn clients(names: &Names) -> String {
    names.child("auth-clients")
}

/// Name of the Secret of who signs the stack's certificates.
pub fn authority(names: &Names) -> String {
    names.child("internal-ca-key")
}

/// Name of the Secret by which clients know who signs them.
pub fn trust(names: &Names) -> String {
    names.child("internal-ca")
}

/// Name of the Secret of a component's certificate.
pub fn server(names: &Names, component: Component) -> String {
    names.child(&format!("{}-tls", component.as_str()))
}

/// Name of the Secret with the gateway's certificate.
pub fn certificate(names: &Names, tls: &GatewayTls) -> String {
    tls.secret_ref.as_ref().map_or_else(|| server(names, Component::Gateway), |secret| secret.name.clone())
}

/// Name of the Secret by which a service logs in to its database.
pub fn database_login(stack: &ValidStack, service: Service) -> String {
    given_database(stack, service)
        .map_or_else(|| postgres(&stack.names, service), |database| database.secret_ref.name.clone())
}

/// The same for its migrations.
pub fn migration_login(stack: &ValidStack, service: Service) -> String {
    given_database(stack, service).map_or_else(
        || postgres_migration(&stack.names, service),
        |database| database.migration_secret_ref.name.clone(),
    )
}

fn given_database(stack: &ValidStack, service: Service) -> Option<&Database> {
    match &stack.postgres.external()?.databases {
        ForeignDatabases::Made(_) | ForeignDatabases::CloudNativePg(_) => None,
        ForeignDatabases::Given(given) => given.get(service).as_ref(),
    }
}

/// Name of the Secret by which a service logs in to Kafka; none where nobody does.
pub fn kafka_login(stack: &ValidStack, service: Service) -> Option<String> {
    let Some(external) = stack.kafka.external() else { return Some(kafka(&stack.names, service)) };
    let given = external.login.as_ref()?.user(service);
    Some(given.map_or_else(|| kafka(&stack.names, service), |secret| secret.name.clone()))
}

/// The generated Secrets that there are to be now: one for a second login not before that is there.
pub fn due(stack: &ValidStack, observed: &Observed) -> Vec<GeneratedSecret> {
    let is_due = |secret: &GeneratedSecret| match &secret.origin {
        Origin::Second { of } => {
            let has_second = observed.secrets.get(of).is_some_and(|seen| seen.login(Turn::Second).is_some());
            has_second || observed.secrets.contains_key(&secret.name)
        }
        Origin::New | Origin::Copy(_) => true,
    };
    all(stack).into_iter().filter(is_due).collect()
}

/// All generated Secrets of a stack, the authority's before those that it signs.
pub fn all(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let names = &stack.names;
    let auth = Component::Service(Service::Auth);
    let mut secrets = certificates(stack);
    secrets.extend(postgres_secrets(stack));
    secrets.extend(kafka_secrets(stack));
    if stack.redis.managed().is_some() {
        let address = |username: &str| Recipe::Address {
            username: username.to_owned(),
            scheme: "rediss",
            rest: format!("{}:6379/0", names.host("redis")),
        };
        secrets.push(secret(redis_admin(names), Component::Redis, address("admin")));
        let feed = secret(redis_feed(names), Component::Redis, address("feed"));
        secrets.push(replaced(stack, feed, Turn::Second.name("feed")));
    }
    secrets.push(secret(signing_keys(names), auth, Recipe::SigningKeys(stack.key_rotation.clone())));
    secrets.push(secret(session_key(names), auth, Recipe::SessionKey));
    secrets.push(secret(clients(names), auth, Recipe::Clients));
    secrets
}

/// Who signs, who is known to sign, and what is signed: a certificate for each server that others in the stack connect to, and
/// for the gateway where nobody gives one.
fn certificates(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let names = &stack.names;
    let requested_at = stack.login_rotation.requested_at;
    let signed = |component: Component, hosts: Vec<String>| {
        secret(server(names, component), component, Recipe::Certificate { hosts, requested_at })
    };
    // as others in the namespace, in the cluster, and those who want a whole name say it
    let hosts = |component: Component| {
        let child = names.of(component);
        vec![names.host(component.as_str()), format!("{child}.{}", names.namespace), child]
    };
    let subject = format!("{} ({})", names.stack, names.namespace);
    let mut secrets = vec![
        secret(authority(names), None, Recipe::Authority { subject }),
        secret(trust(names), None, Recipe::Trust),
    ];
    let servers = Service::ALL.map(Component::Service).into_iter();
    let managed = [
        stack.postgres.managed().map(|_| Component::Postgres),
        stack.redis.managed().map(|_| Component::Redis),
    ];
    let servers = servers.chain(managed.into_iter().flatten());
    secrets.extend(servers.map(|component| signed(component, hosts(component))));
    if let Some(managed) = stack.kafka.managed() {
        let all = hosts(Component::Kafka).into_iter().chain(kafka::node_hosts(names, managed.nodes));
        secrets.push(signed(Component::Kafka, all.collect()));
    }
    let made = stack.gateway.as_ref().and_then(|gateway| gateway.tls.as_ref());
    if made.is_some_and(|tls| tls.secret_ref.is_none()) {
        let hosts = address_host(&stack.public_url).into_iter().chain(hosts(Component::Gateway));
        secrets.push(signed(Component::Gateway, hosts.collect()));
    }
    secrets
}

fn postgres_secrets(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let names = &stack.names;
    let replaced = |name: String, role: &str, recipe: Recipe| {
        replaced(stack, secret(name, Component::Postgres, recipe), Turn::Second.role(role))
    };
    let roles = |recipe: &dyn Fn(Service, &str) -> Recipe, prefix: &str| {
        Service::WITH_DATABASE
            .into_iter()
            .flat_map(|service| {
                let role = format!("{prefix}{}", service.as_str());
                let migration = format!("{role}_migration");
                [
                    replaced(postgres(names, service), &role, recipe(service, &role)),
                    replaced(postgres_migration(names, service), &migration, recipe(service, &migration)),
                ]
            })
            .collect::<Vec<_>>()
    };
    match &stack.postgres {
        Source::Managed(_) => {
            let address = |service: Service, role: &str| Recipe::Address {
                username: role.to_owned(),
                scheme: "postgres",
                rest: format!("{}:5432/tracklore_{}", names.host("postgres"), service.as_str()),
            };
            let mut secrets = vec![secret(postgres_superuser(names), Component::Postgres, login("postgres"))];
            secrets.extend(roles(&address, "tracklore_"));
            secrets
        }
        Source::External(ForeignPostgres { databases: ForeignDatabases::Made(admin), .. }) => {
            roles(&|_, role| login(role), &admin.name_prefix)
        }
        Source::External(ForeignPostgres { databases: ForeignDatabases::CloudNativePg(asked), .. }) => {
            let logins = roles(&|_, role| login(role), &asked.name_prefix);
            let seconds: Vec<_> = logins.iter().map(second).collect();
            logins.into_iter().chain(seconds).collect()
        }
        Source::External(_) => Vec::new(),
    }
}

/// The user of Kafka's that a service is at its turn; none where people give one or nobody logs in.
pub fn kafka_user(stack: &ValidStack, service: Service, turn: Turn) -> Option<String> {
    let names = &stack.names;
    let prefix = match &stack.kafka {
        Source::Managed(_) => String::new(),
        // A user of Strimzi's is called like its object, whose name can hold no underscore.
        Source::External(ForeignKafka { strimzi: Some(_), .. }) => format!("{}-", names.stack),
        // Others may have users there, too.
        Source::External(ForeignKafka { login: Some(ForeignLogin { users: None, .. }), .. }) => {
            format!("{}.{}.", names.namespace, names.stack)
        }
        Source::External(_) => return None,
    };
    Some(turn.name(&format!("{prefix}{}", service.as_str())))
}

fn kafka_secrets(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let names = &stack.names;
    let mut secrets = Vec::new();
    if stack.kafka.managed().is_some() {
        secrets.push(secret(kafka_cluster(names), Component::Kafka, Recipe::KafkaCluster));
        secrets.push(secret(kafka_admin(names), Component::Kafka, login("admin")));
    }
    secrets.extend(Service::ALL.into_iter().filter_map(|service| {
        let user = |turn| kafka_user(stack, service, turn);
        let first = secret(kafka(names, service), Component::Kafka, login(&user(Turn::First)?));
        Some(replaced(stack, first, user(Turn::Second)?))
    }));
    secrets
}

fn secret(name: String, component: impl Into<Option<Component>>, recipe: Recipe) -> GeneratedSecret {
    GeneratedSecret { name, component: component.into(), recipe, origin: Origin::New, replacement: None }
}

/// The Secret of the second login of another one.
fn second(login: &GeneratedSecret) -> GeneratedSecret {
    GeneratedSecret {
        name: Turn::Second.name(&login.name),
        origin: Origin::Second { of: login.name.clone() },
        replacement: None,
        ..login.clone()
    }
}

/// A login that takes turns with that of a second user.
fn replaced(stack: &ValidStack, first: GeneratedSecret, second: String) -> GeneratedSecret {
    let rule = stack.login_rotation.clone();
    GeneratedSecret {
        replacement: Some(Replacement { rule, second, may_begin: false, may_end: false }),
        ..first
    }
}

fn login(username: &str) -> Recipe {
    Recipe::Login { username: username.to_owned() }
}
