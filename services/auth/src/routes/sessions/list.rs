//! `GET /v1/auth/sessions`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::Query,
    page::{Page, PageQuery},
    time::Timestamp,
};

use crate::{
    error::Error,
    responses::{Always, BadQuery, LoggedIn},
    session::live::Live,
    state::AppState,
    store::sessions::{self, OwnSession},
};

const LIST: &str = "sessions";

/// Own sessions
///
/// Those that run, the newest log-in first.
#[utoipa::path(
    get, path = "/v1/auth/sessions", tag = "sessions",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, description = "A page of sessions", body = Page<OwnSession>), BadQuery, LoggedIn, Always)
)]
pub async fn list_sessions(
    State(state): State<AppState>,
    Live(user): Live,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<OwnSession>>, Error> {
    let (limit, before) = (page.limit()?, page.after(LIST)?);
    let now = Timestamp::now();
    let rows = sessions::list(&state.pool, user.id, user.session_id, before, limit + 1, now).await?;
    Ok(Json(Page::new(LIST, rows, limit, |session| session.id)))
}
