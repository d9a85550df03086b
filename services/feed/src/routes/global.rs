//! `GET /v1/feed/global`.

use axum::{extract::State, response::Response};
use http::HeaderMap;
use tracklore_platform::{extract::Query, page::PageQuery, problem::ProblemBody, token::OptionalUser};

use crate::{document::ActivityPage, error::Error, lists::List, state::AppState};

/// What everybody did.
///
/// The newest 1,000 public posts, newest first.
#[utoipa::path(
    get,
    path = "/v1/feed/global",
    operation_id = "read_global_feed",
    tag = "feed",
    security((), ("bearer" = [])),
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
        (status = 401, description = "`invalid-token`: a token was sent, and it isn't valid", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json",
         headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn read(
    State(state): State<AppState>,
    _: OptionalUser,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    state.list(&headers, List::Global, &query).await
}
