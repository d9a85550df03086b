//! `GET /v1/posts/{id}`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{
    etag::{ETag, respond},
    extract::Path,
    token::OptionalUser,
};
use uuid::Uuid;

use crate::{
    document::problem_responses, error::Error, post::Post, state::AppState, store, visibility::Viewer,
};

problem_responses! { Problems:
    401 => "`invalid-token`",
    404 => "`not-found`: it isn't there, has expired, or isn't for this caller",
}

/// Reads a post.
#[utoipa::path(
    get, path = "/v1/posts/{id}", tag = "posts", operation_id = "getPost",
    params(
        ("id" = Uuid, Path, description = "The post"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: 304 when the post is still that version"),
    ),
    responses(
        (status = OK, body = Post, description = "The post", headers(
            ("ETag" = String, description = "The post's version"),
        )),
        (status = NOT_MODIFIED, description = "Still the version that the client has"),
        Problems,
    ),
    security((), ("access_token" = []))
)]
pub async fn get(
    State(state): State<AppState>,
    OptionalUser(user): OptionalUser,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let viewer = Viewer::now(user.map(|user| user.id));
    let post = store::find(&state.pool, id, &viewer).await?.ok_or(Error::NotFound)?;
    Ok(respond(&headers, &ETag::of_version(post.version), &post))
}
