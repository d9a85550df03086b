//! Client credentials for a service token.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracklore_platform::{extract::Json, time::Timestamp};

use crate::{error::Error, routes::NO_STORE, state::AppState};

/// Who asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    client_id: String,
    client_secret: SecretString,
}

#[derive(Serialize)]
struct ServiceToken {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// Gives a service its token, or 401.
pub async fn issue(
    State(state): State<AppState>,
    Json(body): Json<Credentials>,
) -> Result<impl IntoResponse, Error> {
    if !state.clients.know(&body.client_id, &body.client_secret) {
        tracing::warn!(client_id = body.client_id, "unknown client or wrong secret");
        return Err(Error::InvalidClient);
    }
    let issued = state.issuer.service(&body.client_id, Timestamp::now())?;
    let token =
        ServiceToken { access_token: issued.token, token_type: "Bearer", expires_in: issued.expires_in };
    Ok((NO_STORE, JsonAnswer(token)))
}
