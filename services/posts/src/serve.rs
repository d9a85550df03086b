//! `serve`: puts the parts together and runs them.

use std::time::Duration;

use axum::Router;
use tracklore_platform::{
    args::{DatabaseArgs, KafkaArgs, ServerArgs, ServiceClientArgs, TokenArgs},
    database::{self, DatabaseError},
    health::Health,
    kafka::{Kafka, KafkaError},
    outbox::Relay,
    revocations,
    server::{self, Background, ServeError, Service},
    token::{RemoteKeys, Verifier},
};

use crate::{routes, state::AppState, sweeper};

/// Published events stay as long as the topic keeps them, so that a lost broker can be refilled.
const KEEP_EVENTS: Duration = Duration::from_hours(7 * 24);

/// Settings of `serve`.
#[derive(clap::Args, Clone, Debug)]
pub struct ServeArgs {
    /// Listeners, logs and stopping.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The service's database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where events go.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How tokens are checked.
    #[command(flatten)]
    pub token: TokenArgs,
    /// How the other services are called.
    #[command(flatten)]
    pub client: ServiceClientArgs,
}

/// Why the service ended with a failure.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database's settings are wrong.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Kafka's settings are wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let pool = database::pool(&args.database)?;
    let kafka = Kafka::new(&args.kafka);
    let relay = Relay::new(pool.clone(), &kafka, kafka.producer()?);
    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let keys = RemoteKeys::new(&args.token.jwks_url);
    let verifier = Verifier::new(&args.server.public_url, keys).refusing(revoked);

    background.spawn(|stop| relay.clone().run(stop));
    background.spawn(|stop| database::housekeeping(pool.clone(), KEEP_EVENTS, stop));
    background.spawn(|stop| sweeper::run(pool.clone(), relay.clone(), stop));

    let checked = pool.clone();
    let health = Health::default().with("postgres", move || database::check(checked.clone()));
    let (public, openapi) = routes::router();
    let public = public.with_state(AppState { pool, relay, verifier });
    let service = Service { public, internal: Router::new(), openapi, health };
    Ok(server::serve(&args.server, service, background).await?)
}
