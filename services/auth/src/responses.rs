//! The error answers that many endpoints share, for the OpenAPI document: each with the codes it can have.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, Ref, RefOr,
        response::{Response, ResponseBuilder},
    },
};

/// What any endpoint may answer.
pub struct Always;

/// What any endpoint with a JSON body may answer besides.
pub struct WithBody;

/// What any endpoint that counts failures may answer besides.
pub struct Throttled;

/// What any endpoint for users with a scope may answer besides.
pub struct NeedsScope;

/// What any endpoint for logged-in users may answer besides.
pub struct LoggedIn;

/// What any list may answer besides.
pub struct BadQuery;

/// What any endpoint that asks for the password once more may answer besides.
pub struct PasswordAsked;

/// What any change of a resource with an `ETag` may answer besides.
pub struct Guarded;

/// What any endpoint for tokens out of mails may answer besides.
pub struct FromLink;

impl IntoResponses for Always {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([
            ("500", "`internal-error`: our fault; it was recorded under the request id."),
            ("503", "`unavailable`: come again after `Retry-After` seconds; nothing was changed."),
        ])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([
            ("400", "`malformed-request`: not JSON, a wrong type, or an unknown field."),
            ("413", "`payload-too-large`: more than 64 KiB."),
            ("415", "`unsupported-media-type`: not `application/json`."),
        ])
    }
}

impl IntoResponses for Throttled {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([(
            "429",
            "`too-many-requests`: too many attempts failed on this account or from this address; come again after \
             `Retry-After` seconds.",
        )])
    }
}

impl IntoResponses for NeedsScope {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([("403", "`scope-missing`: the token doesn't have the scope `users:admin`.")])
    }
}

impl IntoResponses for LoggedIn {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([(
            "401",
            "`token-missing` or `invalid-token`: no access token, or not a good one (any more).",
        )])
    }
}

impl IntoResponses for BadQuery {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([(
            "400",
            "`malformed-request`: an unknown parameter, a bad cursor, or `limit` out of range.",
        )])
    }
}

impl IntoResponses for PasswordAsked {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([("403", "`wrong-password`: it is not the account's.")])
    }
}

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([("412", "`precondition-failed`: `If-Match` names another version than the present one.")])
    }
}

impl IntoResponses for FromLink {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        collect([(
            "422",
            "`invalid-link`: the token is not good (any more); `validation-failed`: see `errors`.",
        )])
    }
}

fn collect<const N: usize>(described: [(&str, &str); N]) -> BTreeMap<String, RefOr<Response>> {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = |description: &str| {
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", problem.clone())
            .build()
    };
    described.into_iter().map(|(status, text)| (status.to_owned(), RefOr::T(response(text)))).collect()
}
