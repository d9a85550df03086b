//! `GET /internal/v1/posts`: the newest posts, to fill or refill a read model.

use axum::{Json, extract::State};
use serde::Deserialize;
use tracklore_platform::{
    cursor, docs::ForServices, extract::Query, id::UserId, page::Page, problem::Problem, time::Timestamp,
    token::Service,
};
use utoipa::IntoParams;

use crate::{
    error::Error,
    post::{Post, Visibility},
    state::AppState,
    store::{self, Newest, Position},
};

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 500;
const MAX_AUTHORS: usize = 100;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// Only posts of these authors: one id, or up to 100 separated by commas; left out, of everybody.
    author_id: Option<String>,
    /// Only `public` or only `followers`; left out, both.
    #[param(inline)]
    visibility: Option<Visibility>,
    /// How many posts at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// `next_cursor` of the page before; a cursor belongs to its authors and visibility.
    before: Option<String>,
}

/// The newest posts
///
/// By `created_at` and id, newest first. A post is the whole resource as clients and events have it; `version` is the
/// `ce_sequence` of the event that told of this state, so a reader that goes on with the log from before its first page
/// misses nothing and applies nothing twice. Posts that have expired are left out. Who may see a post for followers is
/// for the reader to decide. Keyset paging: nothing is skipped or repeated while others write.
#[utoipa::path(
    get, path = "/internal/v1/posts", tag = "internal", operation_id = "newestPosts",
    params(Question),
    responses((status = OK, body = Page<Post>, description = "A page"), ForServices),
    security(("service" = []))
)]
pub async fn newest(
    State(state): State<AppState>,
    _: Service,
    Query(question): Query<Question>,
) -> Result<Json<Page<Post>>, Error> {
    let limit = question.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::malformed(format!("limit must be from 1 to {MAX_LIMIT}.")).into());
    }
    let which = Newest { authors: authors(question.author_id.as_deref())?, visibility: question.visibility };
    let list = format!("newest {:?} {:?}", which.authors, which.visibility);
    let after: Option<Position> =
        question.before.as_deref().map(|cursor| cursor::decode(&list, cursor)).transpose()?;
    let rows = store::newest(&state.pool, &which, Timestamp::now(), after, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |post| (post.created_at.unix_millis(), post.id))))
}

fn authors(text: Option<&str>) -> Result<Vec<UserId>, Problem> {
    let ids: Result<Vec<UserId>, _> =
        text.into_iter().flat_map(|ids| ids.split(',')).map(str::parse).collect();
    let ids = ids.map_err(|error| Problem::malformed(format!("Bad query parameter author_id: {error}.")))?;
    if ids.len() > MAX_AUTHORS {
        return Err(Problem::malformed(format!("At most {MAX_AUTHORS} authors can be asked for.")));
    }
    Ok(ids)
}
