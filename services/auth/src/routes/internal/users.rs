//! Accounts for the other services, which hold only references: by id, by name, many at once.

use axum::{
    Json as JsonAnswer,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracklore_platform::{
    docs::ForServices,
    extract::{Json, Path, Query},
    id::UserId,
    problem::{Problem, ProblemBody},
    token::Service,
    validate::Violations,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    account::{Account, Reference},
    error::Error,
    responses::WithBody,
    state::AppState,
    store::accounts,
};

/// How many accounts may be asked for at once.
const MAX_BATCH: usize = 100;

/// Whose name.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ByName {
    /// In whatever case.
    username: String,
}

/// Whose ids.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    #[schema(max_items = 100)]
    ids: Vec<UserId>,
}

/// Accounts.
#[derive(Serialize, ToSchema)]
struct Items<'a> {
    items: Vec<Reference<'a>>,
}

/// The account with this id, whatever its status
#[utoipa::path(
    get, path = "/internal/v1/users/{id}", tag = "internal", operation_id = "read_reference",
    security(("service" = [])),
    params(("id" = UserId, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The account", body = Reference<'static>),
        (status = 404, description = "`not-found`",
         body = ProblemBody, content_type = "application/problem+json"),
        ForServices,
    )
)]
pub async fn read(
    _: Service,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let none = || Problem::not_found("There is no account with this id.");
    let id: UserId = id.parse().map_err(|_| none())?;
    let account = accounts::by_id(&state.pool, id).await?.ok_or_else(none)?;
    Ok(JsonAnswer(account.reference()).into_response())
}

/// The account with this name, as a list of at most one
#[utoipa::path(
    get, path = "/internal/v1/users", tag = "internal", operation_id = "find_reference",
    security(("service" = [])),
    params(ByName),
    responses((status = 200, description = "It, or nothing", body = Items<'static>), ForServices)
)]
pub async fn find(
    _: Service,
    State(state): State<AppState>,
    Query(query): Query<ByName>,
) -> Result<Response, Error> {
    if query.username.contains('\0') {
        return Ok(items(&[]));
    }
    let found = accounts::by_username(&state.pool, &query.username).await?;
    Ok(items(found.as_slice()))
}

/// The accounts with these ids; those that don't exist are left out
#[utoipa::path(
    post, path = "/internal/v1/users:batch", tag = "internal", operation_id = "read_references",
    security(("service" = [])),
    responses(
        (status = 200, description = "Those that exist", body = Items<'static>),
        WithBody,
        (status = 422, description = "`validation-failed`: more than 100 ids",
         body = ProblemBody, content_type = "application/problem+json"),
        ForServices,
    )
)]
pub async fn batch(
    _: Service,
    State(state): State<AppState>,
    Json(body): Json<Batch>,
) -> Result<Response, Error> {
    let mut violations = Violations::default();
    violations.require(body.ids.len() <= MAX_BATCH, "/ids", format!("At most {MAX_BATCH} ids."));
    violations.finish()?;
    let ids: Vec<i64> = body.ids.iter().map(|id| id.get()).collect();
    Ok(items(&accounts::by_ids(&state.pool, &ids).await?))
}

fn items(accounts: &[Account]) -> Response {
    JsonAnswer(Items { items: accounts.iter().map(Account::reference).collect() }).into_response()
}
