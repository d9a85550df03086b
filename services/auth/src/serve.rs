//! `serve`: the settings, and putting the service together.

use std::{path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use clap::ValueEnum;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    args::{self, DatabaseArgs, KafkaArgs, ServerArgs},
    cli,
    database::{self, DatabaseError},
    health::Health,
    kafka::{Kafka, KafkaError},
    outbox::Relay,
    problem::Chain,
    revocations,
    server::{self, Background, ServeError, Service},
    time::Timestamp,
    token::Verifier,
};

use crate::{
    account::PasswordRules,
    clients::Clients,
    first_admin::{self, FirstAdminArgs},
    hasher::{HashError, Hasher, HasherArgs},
    keys::{KeyRing, KeysError},
    mail::{MailArgs, Mailbox, Transport, TransportError, courier::Courier, letters::Writer},
    reload, routes,
    session::key::KeyWrap,
    state::{AppState, Inner},
    store,
    throttle::{Throttle, ThrottleArgs},
    tokens::Issuer,
};

/// Published events are kept so long, so that a lost broker can be refilled.
const KEEP_EVENTS: Duration = Duration::from_hours(7 * 24);
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// Everything that `serve` can be told.
#[derive(clap::Args, Clone, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub server: ServerArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    password_rules: PasswordRules,
    #[command(flatten)]
    hasher: HasherArgs,
    #[command(flatten)]
    throttle: ThrottleArgs,
    /// Whether an address must be confirmed before its account can be used.
    #[arg(long, env = "TRACKLORE_EMAIL_VERIFICATION", default_value = "required")]
    email_verification: EmailVerification,
    /// How long the audit trail is kept, also that of deleted accounts: by whole days.
    #[arg(long, env = "TRACKLORE_AUDIT_RETENTION", default_value = "90d", value_parser = args::duration)]
    audit_retention: Duration,
    /// How long an access token is good: 10s to 1h. A session that ends is refused at once all the same.
    #[arg(long, env = "TRACKLORE_ACCESS_TOKEN_TTL", default_value = "5m", value_parser = access_token_ttl)]
    access_token_ttl: Duration,
    /// Folder of the keys that sign tokens: `<key id>.pem`, each an Ed25519 private key in PKCS#8, its id the time when
    /// it was made (`yyyymmddhhmmss` in UTC). All are published at once; the newest signs that is published for
    /// `TRACKLORE_SIGNING_KEYS_LEAD`. The folder is read again and again: add a key, and remove the one before when the
    /// new one has signed for an hour.
    #[arg(long, env = "TRACKLORE_SIGNING_KEYS_DIR")]
    signing_keys_dir: PathBuf,
    /// How long a new key is published before it signs. Verifiers keep keys for 5 minutes: less than 10 minutes, and
    /// some may not know it yet; the rest is for mounts to reach all replicas.
    #[arg(long, env = "TRACKLORE_SIGNING_KEYS_LEAD", default_value = "15m", value_parser = args::duration)]
    signing_keys_lead: Duration,
    /// How often keys and clients are read again.
    #[arg(long, env = "TRACKLORE_RELOAD_INTERVAL", default_value = "30s", value_parser = args::duration)]
    reload_interval: Duration,
    #[command(flatten)]
    first_admin: FirstAdminArgs,
    /// 32 random bytes in base64, under which the keys of refresh tokens are kept. Another key ends all sessions.
    #[arg(long, env = "TRACKLORE_SESSION_KEY", hide_env_values = true, value_parser = cli::secret)]
    session_key: SecretString,
    /// Folder of the other services' secrets: the file's name is the client id, its content the secret; several lines
    /// are several secrets, so that one can replace another without a gap.
    #[arg(long, env = "TRACKLORE_CLIENTS_DIR")]
    clients_dir: PathBuf,
}

/// When an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EmailVerification {
    /// After the address was confirmed.
    Required,
    /// At once.
    Optional,
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Nobody could ever sign up.
    #[error(
        "TRACKLORE_EMAIL_VERIFICATION=required needs a way to send mails: set TRACKLORE_MAIL_URL, or \
         TRACKLORE_EMAIL_VERIFICATION to optional"
    )]
    EmailVerification,
    /// A mail setting is wrong.
    #[error(transparent)]
    Mail(#[from] TransportError),
    /// The session key isn't one.
    #[error("TRACKLORE_SESSION_KEY must be 32 bytes in base64, such as `openssl rand -base64 32` makes")]
    SessionKey,
    /// Keys or clients can't be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Passwords can't be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A database setting is wrong.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A Kafka setting is wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub async fn serve(args: &ServeArgs) -> Result<(), StartError> {
    let verification_required = args.email_verification == EmailVerification::Required;
    let transport = transport(&args.mail)?;
    if verification_required && transport.is_none() {
        return Err(StartError::EmailVerification);
    }
    let keys = KeyRing::read(&args.signing_keys_dir, args.signing_keys_lead, Timestamp::now())?;
    let clients = Clients::read(&args.clients_dir)?;
    let pool = database::pool(&args.database)?;
    let kafka = Kafka::new(&args.kafka);
    let relay = Relay::new(pool.clone(), &kafka, kafka.producer()?);
    let issuer = &args.server.public_url;
    let session_key = session_key(&args.session_key)?;
    let throttle = Throttle::new(pool.clone(), &session_key, args.throttle.clone());
    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let key_wrap = KeyWrap::new(&session_key);
    let mailbox = Mailbox::new(key_wrap.clone(), transport.is_some());
    let writer = Writer::new(issuer);
    let state = AppState::new(Inner {
        pool: pool.clone(),
        relay: relay.clone(),
        hasher: Hasher::new(&args.hasher)?,
        password_rules: args.password_rules,
        throttle: throttle.clone(),
        revoked: revoked.clone(),
        key_wrap,
        mailbox: mailbox.clone(),
        writer: writer.clone(),
        verification_required,
        clients: clients.clone(),
        issuer: Issuer::new(issuer, keys.clone(), args.access_token_ttl),
        verifier: Verifier::new(issuer, keys.clone()).refusing(revoked),
        keys: keys.clone(),
    });

    background.spawn(|stop| relay.run(stop));
    background.spawn(|stop| database::housekeeping(pool.clone(), KEEP_EVENTS, stop));
    background.spawn(|stop| database::measure(pool.clone(), stop));
    background.spawn(|stop| housekeeping(pool.clone(), args.audit_retention, stop));
    background.spawn(|stop| throttle.housekeeping(stop));
    background.spawn(|stop| reload::run(keys, clients, args.reload_interval, stop));
    if let Some(first) = args.first_admin.wanted() {
        background.spawn(|stop| first_admin::run(state.clone(), first, stop));
    }
    if let Some(transport) = transport {
        let courier = Courier { pool: pool.clone(), mailbox, writer, transport };
        background.spawn(|stop| courier.run(stop));
    }
    let (public, openapi) = routes::public().split_for_parts();
    let (internal, _) = routes::internal::router().split_for_parts();
    let service = Service {
        name: crate::SERVICE,
        metrics: crate::metrics::ALL,
        public: public.with_state(state.clone()),
        internal: internal.with_state(state),
        openapi,
        health: Health::default().with("postgres", move || database::check(pool.clone())),
    };
    Ok(server::serve(&args.server, service, background).await?)
}

/// Forgets what has had its time, until `stop`.
async fn housekeeping(pool: PgPool, keep_audit: Duration, stop: CancellationToken) {
    loop {
        if let Err(error) = store::housekeeping::run(&pool, keep_audit, Timestamp::now()).await {
            tracing::warn!(error = %Chain(&error), "housekeeping failed, will be tried again");
        }
        if stop.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_none() {
            return;
        }
    }
}

fn transport(args: &MailArgs) -> Result<Option<Transport>, TransportError> {
    let login = args.mail_username.as_deref().zip(args.mail_password.as_ref());
    args.mail_url.as_ref().map(|url| Transport::new(url, login, &args.mail_from)).transpose()
}

fn session_key(base64: &SecretString) -> Result<SecretBox<[u8; 32]>, StartError> {
    let bytes = BASE64.decode(base64.expose_secret().trim()).map_err(|_| StartError::SessionKey)?;
    let key = <[u8; 32]>::try_from(bytes).map_err(|_| StartError::SessionKey)?;
    Ok(SecretBox::new(Box::new(key)))
}

fn access_token_ttl(text: &str) -> Result<Duration, String> {
    let ttl = args::duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_secs(10)..=Duration::from_hours(1);
    if allowed.contains(&ttl) { Ok(ttl) } else { Err("use a time from 10s to 1h".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_key_is_32_bytes_in_base64() {
        assert!(session_key(&BASE64.encode([1; 32]).into()).is_ok());
        assert!(session_key(&format!("{}\n", BASE64.encode([1; 32])).into()).is_ok());
        for bad in ["", "not base64!", &BASE64.encode([1; 31])] {
            let error = session_key(&bad.into()).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn access_tokens_live_from_10_seconds_to_an_hour() {
        assert_eq!(access_token_ttl("5m"), Ok(Duration::from_mins(5)));
        assert!(
            access_token_ttl("1s").is_err()
                && access_token_ttl("2h").is_err()
                && access_token_ttl("x").is_err()
        );
    }
}
