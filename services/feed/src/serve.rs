//! `serve`: the settings, and putting the service together.

use redis::RedisError;
use secrecy::{ExposeSecret, SecretString};
use tracklore_platform::{
    args::{KafkaArgs, ServerArgs, ServiceClientArgs, TokenArgs},
    cli,
    health::Health,
    kafka::{Kafka, KafkaError},
    revocations,
    server::{self, Background, ServeError, Service},
    service_client::ServiceTokens,
    token::{RemoteKeys, Verifier},
};

use crate::{actors::Actors, consume::Feeder, progress::Progress, redis::Redis, routes, state::AppState};

/// Everything that `serve` can be told.
#[derive(clap::Args, Clone, Debug)]
pub struct ServeArgs {
    /// Listeners, logs and stopping.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Where events come from.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Who signs tokens.
    #[command(flatten)]
    pub token: TokenArgs,
    /// How to call the other services.
    #[command(flatten)]
    pub client: ServiceClientArgs,
    /// Base URL of user's internal API.
    #[arg(long, env = "TRACKLORE_USER_INTERNAL_URL")]
    pub user_internal_url: String,
    /// Redis URL; the user needs the keys `feed:*` and functions, and nothing else.
    #[arg(long, env = "TRACKLORE_REDIS_URL", hide_env_values = true, value_parser = cli::secret)]
    pub redis_url: SecretString,
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Redis URL can't be understood.
    #[error("TRACKLORE_REDIS_URL isn't right")]
    Redis(#[from] RedisError),
    /// A Kafka setting is wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub async fn serve(args: &ServeArgs) -> Result<(), StartError> {
    let redis = Redis::new(args.redis_url.expose_secret())?;
    let kafka = Kafka::new(&args.kafka);
    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let tokens = ServiceTokens::new(&args.client);
    let progress = Progress::default();
    let feeder = Feeder {
        producer: kafka.producer()?,
        kafka,
        redis: redis.clone(),
        actors: Actors::new(tokens.client("user", &args.user_internal_url)),
        progress: progress.clone(),
    };
    let keys = RemoteKeys::new(&args.token.jwks_url);
    let verifier = Verifier::new(&args.server.public_url, keys).refusing(revoked);
    let state = AppState { redis: redis.clone(), progress, verifier };
    let (public, openapi) = routes::public().split_for_parts();
    let health = Health::default().with("redis", move || {
        let redis = redis.clone();
        async move { redis.ping().await.map_err(|error| error.to_string()) }
    });
    let service = Service { public: public.with_state(state), internal: routes::internal(), openapi, health };
    background.spawn(|stop| feeder.run(stop));
    server::serve(&args.server, service, background).await?;
    Ok(())
}
