//! `settings`.

use sqlx::{PgConnection, PgExecutor, types::Json};

use crate::{
    actor::Actor,
    domain::{Settings, SettingsObject},
};

/// The actor's settings; empty ones as long as none were kept.
pub async fn find(executor: impl PgExecutor<'_>, actor: &Actor) -> Result<Settings, sqlx::Error> {
    let row: Option<(Json<SettingsObject>, i64)> =
        sqlx::query_as("SELECT value, version FROM settings WHERE user_id = $1")
            .bind(actor.id())
            .fetch_optional(executor)
            .await?;
    Ok(row.map_or_else(Settings::default, |(Json(value), version)| Settings { value, version }))
}

/// Writes changed settings. The account's row must be locked.
pub async fn save(
    connection: &mut PgConnection,
    actor: &Actor,
    settings: &Settings,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO settings (user_id, value, version) VALUES ($1, $2::text::json, $3) \
         ON CONFLICT (user_id) DO UPDATE SET value = excluded.value, version = excluded.version",
    )
    .bind(actor.id())
    .bind(serde_json::to_string(&settings.value).unwrap_or_default())
    .bind(settings.version)
    .execute(connection)
    .await
    .map(drop)
}
