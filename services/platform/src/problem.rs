//! Problem details (RFC 9457): the one shape of every error answer, and the one place where failures become HTTP.
//!
//! A [`Problem`] becomes a bodiless response that carries it as an extension; the outermost layer
//! ([`crate::http`]) writes the body, because only there the request id is known for sure.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

pub use tracklore_telemetry::chain::Chain;

/// Where the problem types are described; the code is appended.
const TYPE_BASE: &str = "https://tracklore.io/problems/";

/// One field that is against the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the value in the request's body.
    #[schema(examples("/text"))]
    pub pointer: String,
    /// What is wrong with it and what is right.
    pub detail: String,
}

/// The body of every error answer, `application/problem+json`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI that ends in the code.
    pub r#type: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong here, and what to do.
    pub detail: String,
    /// Stable, kebab-case: what clients decide by.
    pub code: String,
    /// The id of the request, as in `X-Request-Id` and the logs.
    pub request_id: String,
    /// All fields that are against the rules at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// A failure on its way to the client. Holds nothing that the caller may not know.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// Any problem; prefer the named constructors.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// 400: malformed (not JSON, wrong type, unknown field, bad cursor, limit out of range).
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", detail)
    }

    /// 401: no or bad credentials.
    pub fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: may know of it, may not do it.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: is not there, or the caller may not even know.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// 409: against the present state.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 412: `If-Match` names another version than the present one.
    pub fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            "The resource has changed since it was read. Read it again and repeat the change on that version.",
        )
    }

    /// 422: well-formed but against the rules; all violations at once.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation-failed",
            "Some values are against the rules; see errors.",
        );
        problem.errors = errors;
        problem
    }

    /// 422 for a rule that concerns no single field.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 429: try again after so many seconds.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests. Wait as long as Retry-After says.",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// 503: a dependency is away or the service sheds load; nothing was changed.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service can't answer right now. Try again after the time in Retry-After.",
        )
        .with_header(header::RETRY_AFTER, HeaderValue::from(1))
    }

    /// 500: our fault. The cause goes to the log, never to the client.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(cause), "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal-error",
            "Something went wrong on our side. It was recorded under the request id.",
        )
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What happened, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The body for a request with this id.
    pub fn body(&self, request_id: &str) -> ProblemBody {
        let mut title = self.code.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        ProblemBody {
            r#type: format!("{TYPE_BASE}{}", self.code),
            title,
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.to_owned(),
            request_id: request_id.to_owned(),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let headers = self.headers.iter().cloned().collect::<HeaderMap>();
        let mut response = (self.status, headers).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Database failures as clients may see them: away is 503, the rest is ours.
impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            metrics::counter!(crate::metrics::CONNECTION_TIMEOUTS.name).increment(1);
        }
        if crate::database::is_unavailable(&error) {
            tracing::warn!(error = %Chain(&error), "database is away");
            Self::unavailable()
        } else {
            Self::internal(&error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_type_title_status_detail_code_and_request_id() {
        let body = Problem::conflict("username-taken", "Choose another one.").body("r-1");
        let json = serde_json::to_value(&body).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "https://tracklore.io/problems/username-taken", "title": "Username taken",
                "status": 409, "detail": "Choose another one.", "code": "username-taken", "request_id": "r-1"
            })
        );
    }

    #[test]
    fn an_internal_error_says_nothing_of_its_cause() {
        let cause = std::io::Error::other("password=hunter2");
        let body = serde_json::to_string(&Problem::internal(&cause).body("r")).unwrap();
        assert!(!body.contains("hunter2"));
    }
}
