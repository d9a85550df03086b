//! `GET /v1/users/{id}/followers`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::{Path, Query},
    id::UserId,
    page::{Page, PageQuery},
    token::OptionalUser,
};

use crate::{
    domain::Profile, error::Error, openapi::problems, routes::people_page, state::AppState, store::people,
};

problems! { Problems:
    404 => "`not-found`: no such user (any more)",
}

/// Who follows somebody
///
/// The latest first.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/followers",
    tag = "follows",
    security((), ("bearer" = [])),
    params(("id" = UserId, Path, description = "Who is followed"), PageQuery),
    responses((status = 200, description = "A page of profiles", body = Page<Profile>), Problems),
)]
pub async fn list_followers(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(id): Path<UserId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Profile>>, Error> {
    let (list, limit) = (format!("followers {id}"), page.limit()?);
    let after = page.after(&list)?;
    state.directory.require(id).await?;
    let rows = people::followers(&state.pool, id, after, limit + 1).await?;
    Ok(Json(people_page(&list, rows, limit)))
}
