//! `GET /v1/posts`.

use axum::{Json, extract::State};
use tracklore_platform::{extract::Query, page::Page, token::OptionalUser};

use super::query::{Question, parse};
use crate::{
    document::problem_responses,
    error::Error,
    post::Post,
    state::AppState,
    store::{self, Filter, Position},
    visibility::Viewer,
};

problem_responses! { Problems:
    400 => "`malformed-request`: none or more than one way to ask, a bad value, a cursor of another list",
    401 => "`invalid-token`",
}

/// Lists posts that the caller may see, newest first: of an author, with attributes, or both; or those with these ids,
/// in the order asked.
#[utoipa::path(
    get, path = "/v1/posts", tag = "posts", operation_id = "listPosts",
    params(
        ("author_id" = Option<i64>, Query, description = "Posts of this author", minimum = 1),
        ("ids" = Option<String>, Query,
            pattern = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(,[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})*$",
            description = "Up to 100 ids, separated by commas, and no other parameter; \
            missing ones are left out"),
        ("attributes.KEY" = Option<String>, Query, description = "Posts whose attribute KEY has this value: a JSON \
            scalar (`1`, `true`, `null`, `\"1\"`), else the text itself. Several must all hold"),
        ("limit" = Option<u32>, Query, description = "How many at most", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = OK, body = Page<Post>, description = "A page of posts"), Problems),
    security((), ("access_token" = []))
)]
pub async fn list(
    State(state): State<AppState>,
    OptionalUser(user): OptionalUser,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Json<Page<Post>>, Error> {
    let (question, page) = parse(parameters)?;
    let viewer = Viewer::now(user.map(|user| user.id));
    let filter = match question {
        Question::Ids(ids) => return Ok(Json(Page::whole(store::by_ids(&state.pool, &ids, &viewer).await?))),
        Question::Matching(filter) => filter,
    };
    let (limit, list) = (page.limit()?, name(&filter));
    let after: Option<Position> = page.after(&list)?;
    let rows = store::page(&state.pool, &filter, &viewer, after, limit + 1).await?;
    Ok(Json(Page::new(&list, rows, limit, |post| (post.created_at.unix_millis(), post.id))))
}

/// What the list's cursors are for: a cursor of one author's list is none of another's.
fn name(filter: &Filter) -> String {
    let (author, attributes) = match filter {
        Filter::Author(author) => (Some(author), None),
        Filter::Attributes(attributes) => (None, Some(attributes)),
        Filter::AuthorAndAttributes(author, attributes) => (Some(author), Some(attributes)),
    };
    format!("posts {}", serde_json::json!([author, attributes]))
}
