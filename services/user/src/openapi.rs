//! The OpenAPI document of the public API. Each route declares what is its own; what every route can answer is added here.

use std::collections::BTreeMap;

use tracklore_platform::problem::ProblemBody;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, ContentBuilder, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder,
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::routes;

/// The media type of every error.
pub const PROBLEM: &str = "application/problem+json";

/// Answers that any route can give.
const COMMON: [(&str, &str); 4] = [
    ("400", "`malformed-request`: not JSON, a wrong type, an unknown field or parameter"),
    ("401", "`token-missing`, `invalid-token`: no access token where one is needed, or a bad one anywhere"),
    ("500", "`internal-error`: our fault; recorded under the request id"),
    ("503", "`unavailable`: a dependency is away; try again after the seconds in `Retry-After`"),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tracklore user",
        description = "Profiles, follows, goals, badges and settings. Errors are problem details (RFC 9457); `code` is what to decide by, and each answer \
                       below lists its codes.",
    ),
    tags(
        (name = "profiles", description = "Who people are"),
        (name = "follows", description = "Who follows whom. A suspended user is hidden, and counts"),
        (name = "blocks", description = "Whom you don't want to be followed by"),
        (name = "settings", description = "What your client keeps for you"),
        (name = "goals", description = "What people want to learn"),
        (name = "badges", description = "What people are honoured with"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token that auth gave at sign-up, log-in or refresh"))
            .build();
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The problem answers with these statuses, each described by the codes it may have.
pub fn problem_answers(answers: &[(u16, &str)]) -> BTreeMap<String, RefOr<Response>> {
    answers.iter().map(|(status, description)| (status.to_string(), problem_answer(description))).collect()
}

fn problem_answer(description: &str) -> RefOr<Response> {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(description).content(PROBLEM, body).build())
}

/// A type that stands for the problem answers of a route in its `responses(…)`.
macro_rules! problems {
    ($name:ident: $($status:literal => $description:expr),+ $(,)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses()
            -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::openapi::problem_answers(&[$(($status, $description)),+])
            }
        }
    };
}
pub(crate) use problems;

/// The document without routes, for the router to fill.
pub fn base() -> Document {
    Api::openapi()
}

/// The whole document.
pub fn document() -> Document {
    let (_, mut document) = routes::public().split_for_parts();
    for item in document.paths.paths.values_mut() {
        operations(item).for_each(add_common);
    }
    document
}

/// The document of the internal API.
pub fn internal() -> Document {
    routes::internal().split_for_parts().1
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn add_common(operation: &mut Operation) {
    for (status, description) in COMMON {
        let answers = &mut operation.responses.responses;
        answers.entry(status.to_owned()).or_insert_with(|| problem_answer(description));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn json() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    #[test]
    fn every_route_is_described_with_its_errors() {
        let json = json();
        for (path, method, statuses) in [
            ("/v1/users/me", "get", "200 304 400 401 500 503"),
            ("/v1/users/me", "patch", "200 400 401 412 413 415 422 500 503"),
            ("/v1/users/{id}", "get", "200 304 400 401 404 500 503"),
            ("/v1/users", "get", "200 400 401 500 503"),
            ("/v1/users/me/following/{id}", "get", "200 400 401 404 500 503"),
            ("/v1/users/me/following/{id}", "put", "202 204 400 401 404 409 422 500 503"),
            ("/v1/users/me/following/{id}", "delete", "204 400 401 404 422 500 503"),
            ("/v1/users/{id}/followers", "get", "200 400 401 404 500 503"),
            ("/v1/users/{id}/following", "get", "200 400 401 404 500 503"),
            ("/v1/users/me/follow-requests", "get", "200 400 401 500 503"),
            ("/v1/users/me/follow-requests/{id}", "put", "204 400 401 404 422 500 503"),
            ("/v1/users/me/follow-requests/{id}", "delete", "204 400 401 404 422 500 503"),
            ("/v1/users/me/followers/{id}", "delete", "204 400 401 404 422 500 503"),
            ("/v1/users/me/blocks", "get", "200 400 401 500 503"),
            ("/v1/users/me/blocks/{id}", "get", "204 400 401 404 500 503"),
            ("/v1/users/me/blocks/{id}", "put", "204 400 401 404 422 500 503"),
            ("/v1/users/me/blocks/{id}", "delete", "204 400 401 404 500 503"),
            ("/v1/users/me/settings", "get", "200 304 400 401 500 503"),
            ("/v1/users/me/settings", "patch", "200 400 401 412 413 415 422 500 503"),
            ("/v1/users/me/goals", "get", "200 400 401 500 503"),
            ("/v1/users/me/goals", "post", "201 400 401 409 413 415 422 500 503"),
            ("/v1/users/me/goals/{goal_id}", "get", "200 304 400 401 404 500 503"),
            ("/v1/users/me/goals/{goal_id}", "patch", "200 400 401 404 409 412 413 415 422 500 503"),
            ("/v1/users/me/goals/{goal_id}", "delete", "204 400 401 404 412 500 503"),
            ("/v1/users/{id}/goals", "get", "200 400 401 404 500 503"),
            ("/v1/badges", "get", "200 400 401 500 503"),
            ("/v1/badges", "post", "201 400 401 403 409 413 415 422 500 503"),
            ("/v1/badges/{slug}", "get", "200 304 400 401 404 500 503"),
            ("/v1/badges/{slug}", "patch", "200 400 401 403 404 412 413 415 422 500 503"),
            ("/v1/badges/{slug}", "delete", "204 400 401 403 404 412 500 503"),
            ("/v1/users/{id}/badges", "get", "200 400 401 404 500 503"),
            ("/v1/users/{id}/badges/{slug}", "put", "200 201 400 401 403 404 413 415 422 500 503"),
            ("/v1/users/{id}/badges/{slug}", "delete", "204 400 401 403 404 500 503"),
        ] {
            let operation = &json["paths"][path][method];
            let responses: Vec<_> =
                operation["responses"].as_object().expect(path).keys().map(String::as_str).collect();
            assert_eq!(responses.join(" "), statuses, "{method} {path}");
            for key in ["operationId", "summary"] {
                assert!(operation[key].is_string(), "{method} {path} has {key}");
            }
        }
        let operations =
            json["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap());
        assert_eq!(operations.count(), 33, "every one is listed here");
    }

    #[test]
    fn every_error_is_a_problem_and_names_its_codes() {
        for operation in
            json()["paths"].as_object().unwrap().values().flat_map(|p| p.as_object().unwrap().values())
        {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.as_str() >= "400" {
                    let schema = &response["content"][PROBLEM]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem");
                    assert!(response["description"].as_str().unwrap().starts_with('`'));
                }
            }
        }
    }

    #[test]
    fn all_references_lead_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(list) => list.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let (json, mut found) = (json(), Vec::new());
        references(&json, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(json.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn nothing_ever_published_in_the_api_is_taken_away() {
        for (name, document) in [("user", document()), ("user-internal", internal())] {
            let document = serde_json::to_value(document).unwrap();
            tracklore_testkit::api::assert_compatible(name, &document);
        }
    }
}
