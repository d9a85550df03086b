//! `POST /internal/v1/profiles:batch`: the people behind what the other services show.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use tracklore_platform::{extract, id::UserId, token::Service, validate::Violations};

use crate::{domain::ProfileCard, error::Error, state::AppState};

const MAX_IDS: usize = 100;

/// Who is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchQuestion {
    ids: Vec<UserId>,
}

/// Those who exist, in the order asked.
#[derive(Debug, Serialize)]
pub struct BatchAnswer {
    items: Vec<ProfileCard>,
}

/// Answers the cards of up to [`MAX_IDS`] users; accounts not yet heard of are asked for at auth.
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
