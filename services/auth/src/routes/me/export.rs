//! `GET /v1/auth/me/export`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderValue, header};
use serde::Serialize;
use tracklore_platform::{page::Page, time::Timestamp, token::TokenError};
use utoipa::ToSchema;

use super::{super::OwnAccount, events};
use crate::{
    error::Error,
    responses::{Always, LoggedIn},
    session::{client::Client, live::Live},
    state::AppState,
    store::{
        accounts,
        audit::{self, AccountEvent, Entry, What},
        grants,
        sessions::{self, KeptSession},
    },
};

/// More sessions than anybody has in earnest.
const SESSIONS: usize = 1_000;
/// Events at once; a flood of failed log-ins must not make an export too large to answer.
const EVENTS: usize = 1_000;

const ATTACHMENT: [(header::HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"tracklore-account.json\""),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Everything that this service has about an account, but for what proves who logs in.
#[derive(Serialize, ToSchema)]
pub struct Export {
    /// As of when.
    exported_at: Timestamp,
    /// The account.
    account: OwnAccount,
    /// What it was granted.
    scopes: Vec<String>,
    /// Its sessions, also those that ended in the last week.
    sessions: Vec<KeptSession>,
    /// What happened to it, newest first. `/v1/auth/me/events` goes on at `next_cursor`.
    events: Page<AccountEvent>,
}

/// Own data
///
/// All of the account's data here, for keeping. The other services have theirs.
#[utoipa::path(
    get, path = "/v1/auth/me/export", tag = "account",
    security(("bearer" = [])),
    responses((status = 200, description = "All of it", body = Export), LoggedIn, Always)
)]
pub async fn export_account(
    State(state): State<AppState>,
    Live(user): Live,
    client: Client,
) -> Result<impl IntoResponse, Error> {
    let now = Timestamp::now();
    let mut tx = state.pool.begin().await?;
    audit::append(&mut tx, &Entry::of(user.id, What::Exported).session(user.session_id).by(&client), now)
        .await?;
    let account = accounts::by_id(&mut *tx, user.id).await?.ok_or(TokenError::Invalid)?;
    let (account, _) = super::own(&mut tx, account, now).await?;
    let scopes = grants::of(&mut *tx, user.id).await?;
    let sessions = sessions::kept(&mut *tx, user.id, SESSIONS).await?;
    let rows = audit::list(&mut *tx, user.id, None, EVENTS + 1).await?;
    tx.commit().await?;
    let events = Page::new(events::LIST, rows, EVENTS, |event| event.id);
    Ok((ATTACHMENT, Json(Export { exported_at: now, account, scopes, sessions, events })))
}
