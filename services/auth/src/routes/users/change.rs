//! Suspending an account and letting it be used again.

use axum::{Json, extract::State, response::IntoResponse};
use http::{HeaderMap, header};
use serde::Deserialize;
use tracklore_platform::{
    extract::{MergePatch, Path},
    id::UserId,
    problem::ProblemBody,
    time::Timestamp,
    token::UsersAdmin,
};
use utoipa::ToSchema;

use super::{ManagedAccount, found, not_oneself, parse_id};
use crate::{
    account::Status,
    administration,
    error::Error,
    responses::{Always, LoggedIn, NeedsScope, WithBody},
    session::live::LiveScoped,
    state::AppState,
    store::grants,
};

/// What is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Whether the account can be used.
    status: NewStatus,
}

/// What a status can be set to.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NewStatus {
    /// It can.
    Active,
    /// Not for now: all of its sessions end, and log-ins are refused.
    Suspended,
}

/// Suspend, resume
///
/// A suspended account is refused everywhere within a second. Nobody suspends themselves.
#[utoipa::path(
    patch, path = "/v1/auth/users/{id}", tag = "administration",
    security(("bearer" = ["users:admin"])),
    params(
        ("id" = UserId, Path, description = "The user's id"),
        ("If-Match" = Option<String>, Header, description = "Change only if the account has this `ETag`"),
    ),
    request_body(content((Change = "application/merge-patch+json"), (Change = "application/json"))),
    responses(
        (status = 200, description = "The account as it is now", body = ManagedAccount, headers(("ETag" = String))),
        (status = 404, description = "`not-found`: no such account, or it was deleted",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "`precondition-failed`: it has changed since it was read (`If-Match`)",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`own-account`",
         body = ProblemBody, content_type = "application/problem+json"),
        LoggedIn, NeedsScope, WithBody, Always,
    )
)]
pub async fn change(
    administrator: LiveScoped<UsersAdmin>,
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    MergePatch(change): MergePatch<Change>,
) -> Result<impl IntoResponse, Error> {
    let (id, now) = (parse_id(&id)?, Timestamp::now());
    let by = Some(administrator.user.id);
    let status = match change.status {
        NewStatus::Active => Status::Active,
        NewStatus::Suspended => {
            not_oneself(administrator.user.id, id)?;
            Status::Suspended
        }
    };
    let done = administration::set_status(&state.pool, id, status, by, now, |account, grants| {
        let current = ManagedAccount::new(account.clone(), grants.to_vec());
        Ok::<_, Error>(current.etag().check_if_match(&headers)?)
    });
    let done = found(done.await?)?;
    state.ended(done.ended, now);
    let account = ManagedAccount::new(done.account, grants::of(&state.pool, id).await?);
    Ok(([(header::ETAG, account.etag().header())], Json(account)))
}
