//! `GET /v1/posts/{id}/revisions`.

use axum::{Json, extract::State};
use tracklore_platform::{
    extract::{Path, Query},
    page::{Page, PageQuery},
    token::OptionalUser,
};
use uuid::Uuid;

use crate::{
    document::problem_responses, error::Error, post::Revision, state::AppState, store, visibility::Viewer,
};

problem_responses! { Problems:
    400 => "`malformed-request`: a bad `limit`, a cursor of another list",
    401 => "`invalid-token`",
    404 => "`not-found`: it isn't there, has expired, or isn't for this caller",
}

/// Lists what a post was before each of its changes, newest first; at most the last hundred. Whoever may see the post
/// may see them. The post as it is now isn't among them.
#[utoipa::path(
    get, path = "/v1/posts/{id}/revisions", tag = "posts", operation_id = "listRevisions",
    params(("id" = Uuid, Path, description = "The post"), PageQuery),
    responses((status = OK, body = Page<Revision>, description = "A page of earlier versions"), Problems),
    security((), ("access_token" = []))
)]
pub async fn revisions(
    State(state): State<AppState>,
    OptionalUser(user): OptionalUser,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Revision>>, Error> {
    let viewer = Viewer::now(user.map(|user| user.id));
    let (limit, list) = (page.limit()?, format!("revisions {id}"));
    let before: Option<i64> = page.after(&list)?;
    store::find(&state.pool, id, &viewer).await?.ok_or(Error::NotFound)?;
    let rows = store::revisions(&state.pool, id, &viewer, before, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |revision| revision.version)))
}
