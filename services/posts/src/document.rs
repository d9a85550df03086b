//! The frame of the OpenAPI document: what holds for all endpoints, and the problems each may answer.

use std::collections::BTreeMap;

use tracklore_platform::problem::{FieldError, ProblemBody};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// The document without its paths, which the router adds.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tracklore posts",
        description = "Posts with free-form attributes and expiry. Errors are problem details (RFC 9457); clients \
            decide by `code`. Every answer has `X-Request-Id`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags((name = "posts", description = "Write, read, change and delete posts")),
    components(schemas(ProblemBody, FieldError)),
    modifiers(&Bearer)
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("An access token of `POST /v1/auth/login`."))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("access_token", SecurityScheme::Http(bearer));
    }
}

/// The problem answers with these statuses, each described by the codes it may have.
pub fn problems(codes: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let always = [(500, "`internal-error`"), (503, "`unavailable`, with `Retry-After`")];
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    codes
        .iter()
        .chain(&always)
        .map(|(status, codes)| {
            let response = ResponseBuilder::new()
                .description(format!("Problem with code {codes}"))
                .content("application/problem+json", body.clone())
                .build();
            (status.to_string(), RefOr::T(response))
        })
        .collect()
}

/// A type that stands for the problem answers of an endpoint in its `responses(…)`.
macro_rules! problem_responses {
    ($name:ident: $($status:literal => $codes:literal),+ $(,)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::document::problems(&[$(($status, $codes)),+])
            }
        }
    };
}
pub(crate) use problem_responses;
