//! `GET /v1/auth/me/events`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::Query,
    page::{Page, PageQuery},
};

use crate::{
    error::Error,
    responses::{Always, BadQuery, LoggedIn},
    session::live::Live,
    state::AppState,
    store::audit::{self, AccountEvent},
};

/// The list's name in cursors; `/me/export` gives out some, too.
pub const LIST: &str = "account-events";

/// Own audit trail
///
/// What happened to the account, newest first: log-ins and failed ones, sessions that ended, changes. Look here when
/// something seems strange.
#[utoipa::path(
    get, path = "/v1/auth/me/events", tag = "account",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of events", body = Page<AccountEvent>), BadQuery, LoggedIn, Always)
)]
pub async fn list_account_events(
    State(state): State<AppState>,
    Live(user): Live,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AccountEvent>>, Error> {
    let (limit, before) = (page.limit()?, page.after(LIST)?);
    let rows = audit::list(&state.pool, user.id, before, limit + 1).await?;
    Ok(Json(Page::new(LIST, rows, limit, |event| event.id)))
}
