//! The settings that several services share, as clap argument groups to flatten into a service's own.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use http::HeaderValue;
use secrecy::SecretString;

use crate::{cli::secret, event::gate::EventArgs, telemetry::LogFormat, trace::TraceArgs};

/// Listeners, logs and stopping.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Address of the public API.
    #[arg(long, env = "TRACKLORE_LISTEN_PUBLIC", default_value = "0.0.0.0:8080")]
    pub listen_public: SocketAddr,
    /// Address of the API for the other services; never route it to the outside.
    #[arg(long, env = "TRACKLORE_LISTEN_INTERNAL", default_value = "0.0.0.0:8081")]
    pub listen_internal: SocketAddr,
    /// Folder with `tls.crt` (the certificate, and after it those in between it and who signs for it) and `tls.key`, in PEM:
    /// with them the API for the other services speaks TLS, without the folder plain HTTP. Both are read again every 10
    /// seconds; connections that are new then get the new certificate.
    #[arg(long, env = "TRACKLORE_INTERNAL_TLS_DIR")]
    pub internal_tls_dir: Option<PathBuf>,
    /// Address of probes and metrics.
    #[arg(long, env = "TRACKLORE_LISTEN_ADMIN", default_value = "0.0.0.0:9090")]
    pub listen_admin: SocketAddr,
    /// Where clients reach Tracklore, without a slash at the end; also the issuer of all tokens.
    #[arg(long, env = "TRACKLORE_PUBLIC_URL", value_parser = public_url)]
    pub public_url: String,
    /// Exact origins that browsers may call from, separated by commas.
    #[arg(long, env = "TRACKLORE_ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<HeaderValue>,
    /// How many proxies of yours stand before the service and add to `X-Forwarded-For`. 0 takes the connection's
    /// address for the client's; with 1 or more, clients must not be able to reach the service past the proxies.
    #[arg(long, env = "TRACKLORE_TRUSTED_HOPS", default_value_t = 0)]
    pub trusted_hops: usize,
    /// How long to serve on after SIGTERM, while load balancers notice.
    #[arg(long, env = "TRACKLORE_SHUTDOWN_DRAIN", default_value = "10s", value_parser = duration)]
    pub shutdown_drain: Duration,
    /// Log level, or a list of `target=level`.
    #[arg(long, env = "TRACKLORE_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "TRACKLORE_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
    /// Where traces go.
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// The service's own database.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// Postgres URL of the runtime role, which can read and write rows and no more. `?sslmode=verify-full&sslrootcert=…`
    /// checks the server's certificate against a file.
    #[arg(long, env = "TRACKLORE_DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub database_url: SecretString,
    /// Role to log in as, instead of the URL's.
    #[arg(long, env = "TRACKLORE_DATABASE_USERNAME")]
    pub database_username: Option<String>,
    /// Its password, instead of the URL's: as it is, without the escapes of URLs.
    #[arg(long, env = "TRACKLORE_DATABASE_PASSWORD", hide_env_values = true, value_parser = secret)]
    pub database_password: Option<SecretString>,
    /// Connections at most.
    #[arg(long, env = "TRACKLORE_DATABASE_MAX_CONNECTIONS", default_value_t = 10)]
    pub database_max_connections: u32,
    /// What its outbox may hold.
    #[command(flatten)]
    pub events: EventArgs,
}

/// What `migrate` needs.
#[derive(Args, Clone, Debug)]
pub struct MigrateArgs {
    /// Instead of adding what this version needs, take away what only older versions use. They can't run on this database
    /// afterwards: do it when none is left and nobody wants to go back.
    #[arg(long)]
    pub contract: bool,
    /// Postgres URL of the migration role, which may change the schema.
    #[arg(long, env = "TRACKLORE_MIGRATION_DATABASE_URL", hide_env_values = true, value_parser = secret)]
    pub migration_database_url: SecretString,
    /// Role to log in as, instead of the URL's.
    #[arg(long, env = "TRACKLORE_MIGRATION_DATABASE_USERNAME")]
    pub migration_database_username: Option<String>,
    /// Its password, instead of the URL's.
    #[arg(long, env = "TRACKLORE_MIGRATION_DATABASE_PASSWORD", hide_env_values = true, value_parser = secret)]
    pub migration_database_password: Option<SecretString>,
    /// Log level, or a list of `target=level`.
    #[arg(long, env = "TRACKLORE_LOG", default_value = "info")]
    pub log: String,
    /// `json` for machines, `text` for people.
    #[arg(long, env = "TRACKLORE_LOG_FORMAT", default_value = "json")]
    pub log_format: LogFormat,
}

/// Which OpenAPI document is wanted.
#[derive(Args, Clone, Copy, Debug)]
pub struct OpenapiArgs {
    /// That of the internal API, for the other services.
    #[arg(long)]
    pub internal: bool,
}

/// The Kafka cluster.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Brokers to start from, `host:port` separated by commas.
    #[arg(long, env = "TRACKLORE_KAFKA_BOOTSTRAP_SERVERS")]
    pub kafka_bootstrap_servers: String,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    #[arg(long, env = "TRACKLORE_KAFKA_SECURITY_PROTOCOL", default_value = "plaintext",
          value_parser = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"])]
    pub kafka_security_protocol: String,
    /// How to log in, with the sasl protocols: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    #[arg(long, env = "TRACKLORE_KAFKA_SASL_MECHANISM", default_value = "SCRAM-SHA-512",
          value_parser = ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])]
    pub kafka_sasl_mechanism: String,
    /// User name, with the sasl protocols.
    #[arg(long, env = "TRACKLORE_KAFKA_SASL_USERNAME")]
    pub kafka_sasl_username: Option<String>,
    /// Its password.
    #[arg(long, env = "TRACKLORE_KAFKA_SASL_PASSWORD", hide_env_values = true, value_parser = secret)]
    pub kafka_sasl_password: Option<SecretString>,
    /// File with the certificates, in PEM, of who signs the brokers', with `ssl` and `sasl_ssl`; the system's when absent.
    #[arg(long, env = "TRACKLORE_KAFKA_CA_FILE")]
    pub kafka_ca_file: Option<PathBuf>,
    /// What all names of topics and consumer groups begin with, where several stacks share a cluster.
    #[arg(long, env = "TRACKLORE_KAFKA_TOPIC_PREFIX", default_value = "")]
    pub kafka_topic_prefix: String,
}

/// Where the keys that sign access tokens are published.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// URL of auth's JWKS: `/.well-known/jwks.json` on auth's internal or public port.
    #[arg(long, env = "TRACKLORE_JWKS_URL")]
    pub jwks_url: String,
}

/// Whom this service believes to be the others.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustArgs {
    /// File with the certificates, in PEM, of who signs the other services' internal APIs, for URLs with `https://`; the
    /// system's when absent.
    #[arg(long, env = "TRACKLORE_INTERNAL_CA_FILE")]
    pub internal_ca_file: Option<PathBuf>,
}

/// How this service calls the others.
#[derive(Args, Clone, Debug)]
pub struct ServiceClientArgs {
    /// Base URL of auth's internal API.
    #[arg(long, env = "TRACKLORE_AUTH_INTERNAL_URL")]
    pub auth_internal_url: String,
    /// This service's client id.
    #[arg(long, env = "TRACKLORE_CLIENT_ID")]
    pub client_id: String,
    /// This service's client secret. Of several lines the first counts: auth knows all of them, so that a secret can be
    /// changed while both are good.
    #[arg(long, env = "TRACKLORE_CLIENT_SECRET", hide_env_values = true, value_parser = first_secret)]
    pub client_secret: SecretString,
}

/// A clap value parser for durations such as `5s`, `10m`, `90d`.
pub fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}

fn first_secret(text: &str) -> Result<SecretString, &'static str> {
    match text.lines().find(|line| !line.is_empty()) {
        Some(first) => Ok(first.to_owned().into()),
        None => Err("it is empty"),
    }
}

fn public_url(text: &str) -> Result<String, &'static str> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.ends_with('/') => Ok(text.to_owned()),
        _ => Err("use http:// or https:// and a host, without a slash at the end"),
    }
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.filter(|rest| !rest.is_empty() && !rest.contains(['/', '*'])) {
        Some(_) => HeaderValue::from_str(text).map_err(|error| error.to_string()),
        None => Err("an origin is scheme and host, such as https://app.example.org".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn of_several_secrets_the_first_is_the_clients_own() {
        for (text, own) in [("s1", "s1"), ("s1\n", "s1"), ("\ns2\r\ns1\n", "s2")] {
            assert_eq!(first_secret(text).unwrap().expose_secret(), own);
        }
        assert!(first_secret("").is_err() && first_secret("\n").is_err());
    }
}
