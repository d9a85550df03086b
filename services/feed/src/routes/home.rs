//! `GET /v1/feed/home`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{extract::Query, page::PageQuery, problem::ProblemBody, token::User};

use crate::{document::ActivityPage, error::Error, state::AppState};

/// What those did whom the caller follows, and the caller.
///
/// Of each of them the newest 100 posts, public ones and those for followers; of all these the newest 1,000, newest
/// first. It follows who is followed at once, backwards in time, too.
#[utoipa::path(
    get,
    path = "/v1/feed/home",
    operation_id = "read_home_feed",
    tag = "feed",
    security(("bearer" = [])),
    params(
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
        (status = 401, description = "`token-missing` or `invalid-token`", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json",
         headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn read(
    State(state): State<AppState>,
    user: User,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    state.home(&headers, user.id, &query).await
}
