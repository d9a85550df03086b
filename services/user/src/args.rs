//! The settings of `serve`; all of them are the shared ones.

use clap::Args;
use tracklore_platform::args::{
    DatabaseArgs, KafkaArgs, ServerArgs, ServiceClientArgs, TokenArgs, TrustArgs,
};

/// Settings of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Listeners, logs and stopping.
    #[command(flatten)]
    pub server: ServerArgs,
    /// This service's database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Where events come from and go to.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Whose tokens are accepted.
    #[command(flatten)]
    pub token: TokenArgs,
    /// How auth is asked.
    #[command(flatten)]
    pub client: ServiceClientArgs,
    /// Whom it believes to be auth.
    #[command(flatten)]
    pub trust: TrustArgs,
}
