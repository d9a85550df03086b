//! `GET /v1/feed/users/{id}`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{
    extract::{Path, Query},
    id::UserId,
    page::PageQuery,
    problem::ProblemBody,
    token::OptionalUser,
};

use crate::{document::ActivityPage, error::Error, lists::List, state::AppState};

/// What one user did.
///
/// The newest 100 public posts of the user, newest first; of an unknown user: none.
#[utoipa::path(
    get,
    path = "/v1/feed/users/{id}",
    operation_id = "read_user_feed",
    tag = "feed",
    security((), ("bearer" = [])),
    params(
        ("id" = UserId, Path, description = "The user id"),
        PageQuery,
        ("If-None-Match" = Option<String>, Header, description = "The ETag that the client has"),
    ),
    responses(
        (status = 200, description = "A page", body = ActivityPage, headers(
            ("ETag" = String, description = "Of exactly this page"),
            ("X-Feed-State" = Option<String>, description = "`catching-up` while something may be missing"),
        )),
        (status = 304, description = "The client has this page"),
        (status = 400, description = "`malformed-request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`invalid-token`: a token was sent, and it isn't valid", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: no user id", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json",
         headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn read(
    State(state): State<AppState>,
    _: OptionalUser,
    Path(id): Path<UserId>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    state.list(&headers, List::User(id), &query).await
}
