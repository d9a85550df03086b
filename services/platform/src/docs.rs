//! `GET /openapi.json` and `GET /docs`: the service's reference, readable without internet. `GET /docs/<service>/openapi.json`
//! is the same document under the address that it has where all services share one, so that no gateway has to rewrite
//! paths. And the frame of what isn't served: the documents of the internal APIs.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    response::{Html, IntoResponse},
    routing::get,
};
use http::{HeaderValue, header};
use utoipa::{
    IntoResponses, Modify, OpenApi as _,
    openapi::{
        ContentBuilder, OpenApi, Ref, RefOr,
        response::{Response, ResponseBuilder},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::problem::ProblemBody;

/// The page has its script and style in itself, reads documents of its own origin, and nothing else may happen in it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The routes for this document of this service.
pub fn router(service: &str, document: &OpenApi) -> Router {
    let document = document.clone();
    let document = get(async move || Json(document));
    Router::new()
        .route("/openapi.json", document.clone())
        .route(&format!("/docs/{service}/openapi.json"), document)
        .route("/docs", get(page))
}

async fn page() -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("docs.html")))
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(description = "For the other services, on a port that is never routed to the outside. Send a service token as \
        `Authorization: Bearer`. Errors are problem details (RFC 9457); `code` is what to decide by."),
    components(schemas(ProblemBody)),
    modifiers(&ServiceToken)
)]
struct Internal;

struct ServiceToken;

impl Modify for ServiceToken {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("service", SecurityScheme::Http(scheme));
    }
}

/// The document of a service's internal API without its paths, which the router adds.
pub fn internal(service: &str) -> OpenApi {
    let mut document = Internal::openapi();
    document.info.title = format!("Tracklore {service}, internal");
    document
}

/// What any internal endpoint may answer besides.
#[derive(Clone, Copy, Debug)]
pub struct ForServices;

impl IntoResponses for ForServices {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        [
            ("400", "`malformed-request`: a wrong type, an unknown field or parameter, a bad cursor."),
            ("401", "`token-missing` or `invalid-token`: no service token, or not a good one (any more)."),
            ("500", "`internal-error`: our fault; it was recorded under the request id."),
            ("503", "`unavailable`: come again after `Retry-After` seconds."),
        ]
        .map(|(status, description)| {
            let response = ResponseBuilder::new().description(description);
            let response = response.content("application/problem+json", problem.clone()).build();
            (status.to_owned(), RefOr::T(response))
        })
        .into()
    }
}
