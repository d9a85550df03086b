//! `PATCH /v1/posts/{id}`.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use tracklore_platform::{
    etag::ETag,
    extract::{MergePatch, Path},
    token::User,
};
use uuid::Uuid;

use crate::{
    document::problem_responses,
    draft::Change,
    error::Error,
    post::Post,
    state::AppState,
    store::{self, Locked},
    visibility::Viewer,
};

problem_responses! { Problems:
    400 => "`malformed-request`",
    401 => "`token-missing`, `invalid-token`",
    403 => "`forbidden`: another's post",
    404 => "`not-found`: it isn't there, has expired, or isn't for this caller",
    412 => "`precondition-failed`: the post has another version than `If-Match` says",
    413 => "`payload-too-large`",
    415 => "`unsupported-media-type`",
    422 => "`validation-failed` with all violations in `errors`",
}

/// Changes a post (JSON merge patch). What it was before is kept among its revisions. A change that changes nothing leaves the version as it is.
#[utoipa::path(
    patch, path = "/v1/posts/{id}", tag = "posts", operation_id = "updatePost",
    params(
        ("id" = Uuid, Path, description = "The post"),
        ("If-Match" = Option<String>, Header, description = "An ETag: change only this version"),
    ),
    request_body(content((Change = "application/merge-patch+json"), (Change = "application/json"))),
    responses(
        (status = OK, body = Post, description = "The post after the change", headers(
            ("ETag" = String, description = "The post's version"),
        )),
        Problems,
    ),
    security(("access_token" = []))
)]
pub async fn update(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    MergePatch(change): MergePatch<Change>,
) -> Result<Response, Error> {
    let mut tx = state.pool.begin().await?;
    let viewer = Viewer::now(Some(user.id));
    let Locked { post, .. } =
        store::lock(&mut tx, id, &viewer).await?.filter(|locked| locked.seen).ok_or(Error::NotFound)?;
    if post.author_id != user.id {
        return Err(Error::Forbidden);
    }
    ETag::of_version(post.version).check_if_match(&headers)?;
    let mut changed = change.apply(&post, viewer.now)?;
    if changed.version != post.version {
        changed = store::update(&mut tx, &post, changed).await?;
        tx.commit().await?;
        state.relay.wake();
    }
    Ok(([(header::ETAG, ETag::of_version(changed.version).header())], axum::Json(changed)).into_response())
}
