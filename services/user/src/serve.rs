//! Puts the service together.

use std::time::Duration;

use tracklore_platform::{
    consumer::EventConsumer,
    database::{self, DatabaseError},
    health::Health,
    kafka::{Kafka, KafkaError},
    outbox::Relay,
    revocations,
    server::{self, Background, ServeError, Service},
    service_client::{HttpError, ServiceTokens},
    token::{RemoteKeys, Verifier},
};

use crate::{
    args::ServeArgs,
    auth::Auth,
    directory::Directory,
    events::{self, UserEvents},
    openapi, routes,
    state::AppState,
};

/// The service's name among the others.
pub(crate) const NAME: &str = "user";
/// Published events stay this long in the outbox, so that a lost broker can be refilled.
const KEEP_EVENTS: Duration = Duration::from_hours(7 * 24);

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database's settings are wrong, or it couldn't be migrated.
    #[error("database")]
    Database(#[from] DatabaseError),
    /// Kafka's settings are wrong.
    #[error("Kafka")]
    Kafka(#[from] KafkaError),
    /// The other services can't be called.
    #[error("calls to other services")]
    Http(#[from] HttpError),
    /// It couldn't listen.
    #[error("server")]
    Serve(#[from] ServeError),
}

/// Serves until told to stop.
pub async fn run(args: &ServeArgs) -> Result<(), ServiceError> {
    let http = args.trust.client()?;
    let pool = database::pool(&args.database)?;
    let kafka = Kafka::new(&args.kafka);
    let producer = kafka.producer()?;
    let relay = Relay::new(pool.clone(), &kafka, producer.clone());
    let handler = UserEvents::new(pool.clone());
    let consumer = EventConsumer::new(&kafka, producer, NAME, &[events::TOPIC], handler)?;

    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let auth = ServiceTokens::new(&args.client, http.clone()).client("auth", &args.client.auth_internal_url);
    let state = AppState {
        verifier: Verifier::new(&args.server.public_url, RemoteKeys::new(&args.token.jwks_url, http))
            .refusing(revoked),
        directory: Directory::new(pool.clone(), Auth(auth)),
        pool: pool.clone(),
        relay: relay.clone(),
    };
    let health = Health::default().with("postgres", {
        let pool = pool.clone();
        move || database::check(pool.clone())
    });
    let service = Service {
        name: NAME,
        metrics: crate::metrics::ALL,
        public: routes::public().split_for_parts().0.with_state(state.clone()),
        internal: routes::internal().split_for_parts().0.with_state(state),
        openapi: openapi::document(),
        health,
    };

    background.spawn(|stop| relay.run(stop));
    background.spawn(|stop| consumer.run(stop));
    background.spawn(|stop| database::measure(pool.clone(), stop));
    background.spawn(|stop| database::housekeeping(pool, KEEP_EVENTS, stop));
    Ok(server::serve(&args.server, service, background).await?)
}
