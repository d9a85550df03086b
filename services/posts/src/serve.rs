//! `serve`: puts the parts together and runs them.

use std::time::Duration;

use tracklore_platform::{
    args::{DatabaseArgs, KafkaArgs, ServerArgs, TokenArgs, TrustArgs},
    consumer::EventConsumer,
    database::{self, DatabaseError},
    dlq::DeadLetters,
    health::Health,
    kafka::{Kafka, KafkaError},
    outbox::{Relay, Restorer},
    replay::Replay,
    revocations,
    server::{self, Background, ServeError, Service},
    service_client::HttpError,
    token::{RemoteKeys, Verifier},
};

use crate::{
    events::{self, Users},
    metrics,
    restored::Posts,
    routes,
    state::AppState,
    sweeper::{Sweeper, Wake},
};

/// The service's name among the others.
pub(crate) const NAME: &str = "posts";

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
    /// Whom it believes to be auth.
    #[command(flatten)]
    pub trust: TrustArgs,
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
    /// Auth can't be called.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let http = args.trust.client()?;
    let pool = database::pool(&args.database)?;
    let kafka = Kafka::new(&args.kafka);
    let producer = kafka.producer()?;
    let relay = Relay::new(pool.clone(), &kafka, producer.clone());
    let wake = Wake::default();
    let users = Users::new(pool.clone(), wake.clone());
    let consumer = EventConsumer::new(&kafka, producer.clone(), NAME, &events::TOPICS, users.clone())?;
    let dead_letters = DeadLetters::new(&kafka, producer.clone(), NAME, &events::TOPICS);
    let again = Replay::new(&kafka, producer.clone(), NAME, &events::TOPICS, users);
    let restorer = Restorer {
        pool: pool.clone(),
        kafka: kafka.clone(),
        producer,
        relay: relay.clone(),
        restate: Posts { users: again },
    };
    let sweeper = Sweeper { pool: pool.clone(), relay: relay.clone(), wake, dead_letters };
    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let keys = RemoteKeys::new(&args.token.jwks_url, http);
    let verifier = Verifier::new(&args.server.public_url, keys).refusing(revoked);

    background.spawn(|stop| relay.clone().run(stop));
    background.spawn(|stop| restorer.run(stop));
    background.spawn(|stop| database::housekeeping(pool.clone(), KEEP_EVENTS, stop));
    background.spawn(|stop| database::measure(pool.clone(), stop));
    background.spawn(|stop| consumer.run(stop));
    background.spawn(|stop| sweeper.run(stop));

    let checked = pool.clone();
    let health = Health::default().with("postgres", move || database::check(checked.clone()));
    let ((public, openapi), (internal, _)) = (routes::router(), routes::internal());
    let state = AppState { pool, relay, verifier };
    let (public, internal) = (public.with_state(state.clone()), internal.with_state(state));
    let service = Service { name: NAME, metrics: metrics::ALL, public, internal, openapi, health };
    Ok(server::serve(&args.server, service, background).await?)
}
