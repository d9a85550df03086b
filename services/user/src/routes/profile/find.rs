//! `GET /v1/users?username=`.

use axum::{Json, extract::State};
use serde::Deserialize;
use tracklore_platform::{extract::Query, page::Page, token::OptionalUser};
use utoipa::IntoParams;

use crate::{
    domain::{Profile, is_username},
    error::Error,
    state::AppState,
};

/// Who is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// The username, in any case.
    #[param(example = "ada")]
    username: String,
}

/// Find somebody by username
///
/// A list of at most one.
#[utoipa::path(
    get,
    path = "/v1/users",
    tag = "profiles",
    security((), ("bearer" = [])),
    params(FindQuery),
    responses((status = 200, description = "The user with this name, or an empty list", body = Page<Profile>)),
)]
pub async fn find_profile(
    State(state): State<AppState>,
    _: OptionalUser,
    Query(query): Query<FindQuery>,
) -> Result<Json<Page<Profile>>, Error> {
    let found =
        if is_username(&query.username) { state.directory.by_username(&query.username).await? } else { None };
    Ok(Json(Page::whole(found.into_iter().collect())))
}
