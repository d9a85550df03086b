//! The public routes, under /v1/auth, and the published keys.

mod email;
pub mod internal;
mod jwks;
mod links;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
mod sessions;
mod signup;
mod users;
mod verify;

use http::{HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracklore_platform::{id::UserId, problem::ProblemBody, time::Timestamp};
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{account::Account, state::AppState, tokens::Issued};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tracklore auth",
        description = "Accounts, log-ins and tokens. Send the access token as `Authorization: Bearer` to every \
            service; when it has expired, trade the refresh token for the next pair."
    ),
    tags(
        (name = "auth", description = "Signing up, logging in and out"),
        (name = "account", description = "Your own account"),
        (name = "sessions", description = "Where you are logged in"),
        (name = "password", description = "Changing and resetting passwords"),
        (name = "email", description = "Confirming addresses"),
        (name = "administration", description = "Suspending accounts and granting scopes: for `users:admin`"),
        (name = "keys", description = "Signing keys"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The public routes with their document.
pub fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(signup::sign_up))
        .routes(routes!(login::log_in))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::log_out))
        .routes(routes!(me::read::read_account, me::change::change_account, me::delete::delete_account))
        .routes(routes!(me::events::list_account_events))
        .routes(routes!(me::export::export_account))
        .routes(routes!(sessions::list::list_sessions, sessions::end_others::end_other_sessions))
        .routes(routes!(sessions::end::end_session))
        .routes(routes!(password::change::change_password))
        .routes(routes!(password::reset::request_reset))
        .routes(routes!(password::confirm::reset_password))
        .routes(routes!(email::verify::verify_email))
        .routes(routes!(email::resend::resend_verification))
        .routes(routes!(email::undo::undo_email_change))
        .routes(routes!(links::page))
        .routes(routes!(verify::verify))
        .routes(routes!(users::read::read))
        .routes(routes!(users::change::change))
        .routes(routes!(users::grant::grant))
        .routes(routes!(users::revoke::revoke))
        .routes(routes!(jwks::keys))
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    public().split_for_parts().1
}

/// What a log-in gives.
#[derive(Serialize, ToSchema)]
pub struct TokenPair {
    /// A JWT, to be sent as `Authorization: Bearer`.
    access_token: String,
    /// Opaque; good once, for the next pair.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String)]
    refresh_token: SecretString,
    /// `Bearer`
    #[schema(examples("Bearer"))]
    token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(examples(300))]
    expires_in: u64,
}

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct OwnAccount {
    /// Who.
    id: UserId,
    /// Lower-cased.
    #[schema(examples("ada@example.org"))]
    email: String,
    /// As typed at sign-up.
    #[schema(examples("ada"))]
    username: String,
    /// Whether the owner of the address has confirmed it.
    email_verified: bool,
    /// The address that it shall have once that is confirmed.
    pending_email: Option<String>,
    /// When it was made.
    created_at: Timestamp,
}

impl TokenPair {
    /// Both tokens of a session.
    pub fn new(access: Issued, refresh_token: SecretString) -> Self {
        Self {
            access_token: access.token,
            refresh_token,
            token_type: "Bearer",
            expires_in: access.expires_in,
        }
    }
}

impl From<Account> for OwnAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            username: account.username,
            email_verified: account.email_verified,
            pending_email: None,
            created_at: account.created_at,
        }
    }
}

/// Answers with tokens are nobody else's (RFC 6749 §5.1).
const NO_STORE: [(header::HeaderName, HeaderValue); 1] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

fn expose<S: serde::Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_has_every_endpoint_with_its_errors_as_problems() {
        let document = serde_json::to_value(super::document()).unwrap();
        let statuses = |path: &str, method: &str| {
            let responses = document["paths"][path][method]["responses"].as_object().unwrap();
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{path} {status}");
            }
            responses.keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(statuses("/v1/auth/signup", "post"), "201 202 400 409 413 415 422 429 500 503");
        assert_eq!(statuses("/v1/auth/login", "post"), "200 400 401 413 415 429 500 503");
        assert_eq!(statuses("/v1/auth/refresh", "post"), "200 400 401 413 415 500 503");
        assert_eq!(statuses("/v1/auth/logout", "post"), "204 401 500 503");
        assert_eq!(statuses("/v1/auth/me", "get"), "200 304 401 500 503");
        assert_eq!(statuses("/v1/auth/me", "patch"), "200 400 401 403 409 412 413 415 422 429 500 503");
        assert_eq!(statuses("/v1/auth/me", "delete"), "202 400 401 403 412 413 415 429 500 503");
        assert_eq!(statuses("/v1/auth/me/events", "get"), "200 400 401 500 503");
        assert_eq!(statuses("/v1/auth/me/export", "get"), "200 401 500 503");
        assert_eq!(statuses("/v1/auth/sessions", "get"), "200 400 401 500 503");
        assert_eq!(statuses("/v1/auth/sessions", "delete"), "204 401 500 503");
        assert_eq!(statuses("/v1/auth/sessions/{id}", "delete"), "204 401 404 500 503");
        assert_eq!(statuses("/v1/auth/password/change", "post"), "204 400 401 403 413 415 422 429 500 503");
        assert_eq!(statuses("/v1/auth/password/reset", "post"), "202 400 413 415 429 500 503");
        assert_eq!(statuses("/v1/auth/password/reset/confirm", "post"), "204 400 413 415 422 500 503");
        assert_eq!(statuses("/v1/auth/email/verify", "post"), "204 400 409 413 415 422 500 503");
        assert_eq!(statuses("/v1/auth/email/verify/resend", "post"), "202 400 413 415 429 500 503");
        assert_eq!(statuses("/v1/auth/links/{page}", "get"), "200 404 500 503");
        assert_eq!(statuses("/v1/auth/email/undo", "post"), "204 400 409 413 415 422 500 503");
        assert_eq!(statuses("/v1/auth/verify", "get"), "200 401 500 503");
        assert_eq!(statuses("/v1/auth/users/{id}", "get"), "200 304 401 403 404 500 503");
        assert_eq!(statuses("/v1/auth/users/{id}", "patch"), "200 400 401 403 404 412 413 415 422 500 503");
        let grants = "/v1/auth/users/{id}/grants/{scope}";
        assert_eq!(statuses(grants, "put"), "204 401 403 404 500 503");
        assert_eq!(statuses(grants, "delete"), "204 401 403 404 422 500 503");
        assert_eq!(statuses("/.well-known/jwks.json", "get"), "200 304");
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }

    #[test]
    fn nothing_ever_published_in_the_api_is_taken_away() {
        for (name, document) in [("auth", super::document()), ("auth-internal", super::internal::document())]
        {
            let document = serde_json::to_value(document).unwrap();
            tracklore_testkit::api::assert_compatible(name, &document);
        }
    }
}
