//! Generated Secrets: passwords, keys and addresses. Which there are, and how each is made; never what is in them.

use crate::stack::{
    component::{Component, Names, Service},
    plan::{GeneratedSecret, Recipe},
    validate::ValidStack,
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

/// All generated Secrets of a stack.
pub fn all(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let names = &stack.names;
    let secret = |name: String, component, recipe| GeneratedSecret { name, component, recipe };
    let login = |username: &str| Recipe::Login { username: username.to_owned() };
    let database = |service: Service, role: String| Recipe::Address {
        username: role,
        scheme: "postgres",
        rest: format!("{}:5432/tracklore_{}", names.host("postgres"), service.as_str()),
    };
    let redis = |username: &str| Recipe::Address {
        username: username.to_owned(),
        scheme: "redis",
        rest: format!("{}:6379/0", names.host("redis")),
    };
    let auth = Component::Service(Service::Auth);

    let mut secrets = vec![secret(postgres_superuser(names), Component::Postgres, login("postgres"))];
    for service in Service::WITH_DATABASE {
        let role = format!("tracklore_{}", service.as_str());
        let migration = format!("{role}_migration");
        secrets.push(secret(postgres(names, service), Component::Postgres, database(service, role)));
        secrets.push(secret(
            postgres_migration(names, service),
            Component::Postgres,
            database(service, migration),
        ));
    }
    secrets.push(secret(kafka_cluster(names), Component::Kafka, Recipe::KafkaCluster));
    secrets.push(secret(kafka_admin(names), Component::Kafka, login("admin")));
    for service in Service::ALL {
        secrets.push(secret(kafka(names, service), Component::Kafka, login(service.as_str())));
    }
    secrets.push(secret(redis_admin(names), Component::Redis, redis("admin")));
    secrets.push(secret(redis_feed(names), Component::Redis, redis("feed")));
    secrets.push(secret(signing_keys(names), auth, Recipe::SigningKey));
    secrets.push(secret(session_key(names), auth, Recipe::SessionKey));
    secrets.push(secret(clients(names), auth, Recipe::Clients));
    secrets
}
