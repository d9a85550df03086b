//! `serve`: the settings, and putting the service together.

use std::path::PathBuf;

use redis::RedisError;
use secrecy::{ExposeSecret, SecretString};
use tracklore_platform::{
    args::{KafkaArgs, ServerArgs, ServiceClientArgs, TokenArgs, TrustArgs},
    cli,
    health::Health,
    kafka::{Kafka, KafkaError},
    revocations,
    server::{self, Background, ServeError, Service},
    service_client::{HttpClient, HttpError, ServiceTokens},
    token::{RemoteKeys, Verifier},
};

use crate::{
    actors::Actors,
    consume::Feeder,
    fill::{Filler, Sources},
    fitness::{self, Unfit},
    front::Front,
    lists::Limits,
    live::{connection::Live, hub::Hub},
    metrics,
    posts::Posts,
    progress::Progress,
    redis::Redis,
    routes,
    state::AppState,
    upkeep,
};

/// Where the read model is and what it is made from.
#[derive(clap::Args, Clone, Debug)]
pub struct ModelArgs {
    /// Where events come from.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How to call the other services.
    #[command(flatten)]
    pub client: ServiceClientArgs,
    /// Whom it believes to be the other services.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Base URL of user's internal API.
    #[arg(long, env = "TRACKLORE_USER_INTERNAL_URL")]
    pub user_internal_url: String,
    /// Base URL of posts' internal API.
    #[arg(long, env = "TRACKLORE_POSTS_INTERNAL_URL")]
    pub posts_internal_url: String,
    /// Redis URL; the user needs the keys `feed:*` and functions, and nothing else.
    #[arg(long, env = "TRACKLORE_REDIS_URL", hide_env_values = true, value_parser = cli::secret)]
    pub redis_url: SecretString,
    /// User to log in as, instead of the URL's.
    #[arg(long, env = "TRACKLORE_REDIS_USERNAME")]
    pub redis_username: Option<String>,
    /// Its password, instead of the URL's: as it is, without the escapes of URLs.
    #[arg(long, env = "TRACKLORE_REDIS_PASSWORD", hide_env_values = true, value_parser = cli::secret)]
    pub redis_password: Option<SecretString>,
    /// File with the certificates, in PEM, of who signs Redis', for `rediss://`; the system's when absent.
    #[arg(long, env = "TRACKLORE_REDIS_CA_FILE")]
    pub redis_ca_file: Option<PathBuf>,
}

/// Everything that `serve` can be told.
#[derive(clap::Args, Clone, Debug)]
pub struct ServeArgs {
    /// Listeners, logs and stopping.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Who signs tokens.
    #[command(flatten)]
    pub token: TokenArgs,
    /// The read model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Live connections (`/v1/feed/stream`, `/v1/feed/ws`) at most; further ones get 503.
    #[arg(long, env = "TRACKLORE_LIVE_CONNECTIONS", default_value_t = 10_000)]
    pub live_connections: usize,
}

impl ModelArgs {
    /// The connection to Redis; nothing connects yet.
    pub fn redis(&self) -> Result<Redis, StartError> {
        let authority = self.redis_ca_file.as_ref().map(std::fs::read).transpose();
        let authority = authority.map_err(StartError::Authority)?;
        let (username, password) = (self.redis_username.as_deref(), self.redis_password.as_ref());
        Ok(Redis::with(self.redis_url.expose_secret(), username, password, authority)?)
    }

    /// The services that complete the read model in `redis`.
    pub fn sources(&self, redis: Redis, http: HttpClient) -> Sources {
        let tokens = ServiceTokens::new(&self.client, http);
        Sources {
            redis,
            posts: Posts::new(tokens.client("posts", &self.posts_internal_url)),
            actors: Actors::new(tokens.client("user", &self.user_internal_url)),
            limits: Limits::default(),
        }
    }
}

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The Redis URL can't be understood.
    #[error("TRACKLORE_REDIS_URL or TRACKLORE_REDIS_CA_FILE isn't right")]
    Redis(#[from] RedisError),
    /// The file with who signs for Redis can't be read.
    #[error("TRACKLORE_REDIS_CA_FILE can't be read")]
    Authority(#[source] std::io::Error),
    /// Redis isn't one that can hold feeds.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A Kafka setting is wrong.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The other services can't be called.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Serves until it is told to stop.
pub async fn serve(args: &ServeArgs) -> Result<(), StartError> {
    let http = args.model.trust.client()?;
    let redis = args.model.redis()?;
    fitness::check(&redis).await?;
    let kafka = Kafka::new(&args.model.kafka);
    let background = Background::default();
    let revoked = revocations::follow(&kafka, &background).await;
    let progress = Progress::default();
    let sources = args.model.sources(redis.clone(), http.clone());
    let feeder = Feeder {
        producer: kafka.producer()?,
        kafka,
        redis: redis.clone(),
        actors: sources.actors.clone(),
        progress: progress.clone(),
    };
    let filler = Filler::new(sources);
    let health = Health::default().with("redis", {
        let redis = redis.clone();
        move || {
            let redis = redis.clone();
            async move { redis.ping().await.map_err(|error| error.to_string()) }
        }
    });
    let hub = Hub::new(redis.clone());
    let live = Live::new(
        hub.clone(),
        redis.clone(),
        args.live_connections,
        health.draining(),
        args.server.shutdown_drain,
        revoked.clone(),
    );
    let keys = RemoteKeys::new(&args.token.jwks_url, http);
    let verifier = Verifier::new(&args.server.public_url, keys).refusing(revoked);
    let allowed_origins = args.server.allowed_origins.clone().into();
    let state = AppState {
        redis: redis.clone(),
        front: Front::new(hub.clone()),
        filler: filler.clone(),
        progress,
        live,
        allowed_origins,
        verifier,
    };
    let (public, openapi) = routes::public().split_for_parts();
    let service = Service {
        name: "feed",
        metrics: metrics::ALL,
        public: public.with_state(state),
        internal: routes::internal(),
        openapi,
        health,
    };
    background.spawn(|stop| feeder.run(stop));
    background.spawn(|stop| hub.run(stop));
    background.spawn(|stop| upkeep::run(redis, filler, stop));
    server::serve(&args.server, service, background).await?;
    Ok(())
}
