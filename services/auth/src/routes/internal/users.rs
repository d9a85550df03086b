//! Accounts for the other services, which hold only references: by id, by name, many at once.

use axum::{
    Json as JsonAnswer,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracklore_platform::{
    extract::{Json, Path, Query},
    id::UserId,
    problem::Problem,
    token::Service,
    validate::Violations,
};

use crate::{
    account::{Account, Reference},
    error::Error,
    state::AppState,
    store::accounts,
};

/// How many accounts may be asked for at once.
const MAX_BATCH: usize = 100;

/// Whose name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByName {
    username: String,
}

/// Whose ids.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    ids: Vec<UserId>,
}

#[derive(Serialize)]
struct Items<'a> {
    items: Vec<Reference<'a>>,
}

/// The account with this id, whatever its status.
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

/// The account with this name, as a list of at most one.
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

/// The accounts with these ids; those that don't exist are left out.
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
