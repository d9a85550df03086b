//! `POST /internal/v1/profiles:batch`: the people behind what the other services show.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tracklore_platform::{docs::ForServices, extract, id::UserId, token::Service, validate::Violations};
use utoipa::ToSchema;

use crate::{domain::ProfileCard, error::Error, openapi::problems, state::AppState};

const MAX_IDS: usize = 100;

/// Who is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchQuestion {
    #[schema(max_items = 100)]
    ids: Vec<UserId>,
}

/// Those who exist, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    items: Vec<ProfileCard>,
}

problems! { Problems:
    413 => "`payload-too-large`: more than 64 KiB",
    415 => "`unsupported-media-type`: not `application/json`",
    422 => "`validation-failed`: more than 100 ids",
}

/// The people with these ids
///
/// Up to 100, in the order asked; those that don't exist are left out. Accounts not yet heard of are asked for at auth.
#[utoipa::path(
    post, path = "/internal/v1/profiles:batch", tag = "internal", operation_id = "read_cards",
    security(("service" = [])),
    request_body = BatchQuestion,
    responses((status = 200, description = "Those who exist", body = BatchAnswer), Problems, ForServices)
)]
pub async fn batch(
    State(state): State<AppState>,
    _: Service,
    extract::Json(question): extract::Json<BatchQuestion>,
) -> Result<Json<BatchAnswer>, Error> {
    let mut violations = Violations::default();
    violations.require(question.ids.len() <= MAX_IDS, "/ids", format!("must have at most {MAX_IDS} ids"));
    violations.finish()?;
    Ok(Json(BatchAnswer { items: state.directory.cards(&question.ids).await? }))
}
