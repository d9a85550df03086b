//! Client credentials for a service token.

use axum::{Json as JsonAnswer, extract::State, response::IntoResponse};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracklore_platform::{extract::Json, problem::ProblemBody, time::Timestamp};
use utoipa::ToSchema;

use crate::{
    error::Error,
    responses::{Always, WithBody},
    routes::NO_STORE,
    state::AppState,
};

/// Who asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    client_id: String,
    #[schema(value_type = String, format = Password)]
    client_secret: SecretString,
}

/// What it gets.
#[derive(Serialize, ToSchema)]
struct ServiceToken {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
}

/// A service token
///
/// For the client credentials that the service was configured with.
#[utoipa::path(
    post, path = "/internal/v1/token", tag = "internal", operation_id = "issue_service_token",
    security(()),
    responses(
        (status = 200, description = "The token", body = ServiceToken),
        (status = 401, description = "`invalid-client`",
         body = ProblemBody, content_type = "application/problem+json"),
        WithBody, Always,
    )
)]
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
