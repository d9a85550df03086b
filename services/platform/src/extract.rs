//! Extractors that answer bad input as the contract says: 415 wrong media type, 413 too large, 400 malformed.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The largest request body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
const DISCARD_BYTES: usize = 16 * 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// A JSON body (`application/json`).
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON merge patch (RFC 7396): `application/merge-patch+json` or `application/json`.
#[derive(Debug)]
pub struct MergePatch<T>(pub T);

/// A JSON body that may be left out: no body is the default, and so is `null`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

/// Query parameters; unknown ones are refused when `T` denies them.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// Path parameters; what doesn't parse can't exist, so it is 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, &["application/json"]).await.map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MergePatch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, &["application/merge-patch+json", "application/json"]).await.map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_announced = request.headers().contains_key(header::CONTENT_TYPE);
        if !is_announced && request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let body = announced(request, &["application/json"]).await?;
        if body.trim_ascii() == b"null" { Ok(Self(T::default())) } else { parse(&body).map(Self) }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                Err(Problem::malformed(format!("Bad query parameters: {}.", reason(&rejection))))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found("There is nothing at this address.")),
        }
    }
}

async fn read<T: DeserializeOwned>(request: Request, media_types: &[&str]) -> Result<T, Problem> {
    parse(&announced(request, media_types).await?)
}

/// The body, if it is announced as one of these.
async fn announced(request: Request, media_types: &[&str]) -> Result<bytes::Bytes, Problem> {
    if !has_media_type(request.headers(), media_types) {
        return Err(unsupported(format!(
            "Send the body in UTF-8 with Content-Type: {}.",
            media_types.join(" or ")
        )));
    }
    if is_encoded(request.headers()) {
        return Err(unsupported("Send the body as it is, without Content-Encoding."));
    }
    read_body(request).await
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // every body of the contract is an object; serde would also take an array as the fields in order
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(Problem::malformed("Bad JSON body: it must be an object."));
    }
    serde_json::from_slice(body).map_err(|error| Problem::malformed(format!("Bad JSON body: {error}.")))
}

/// The whole body, at most [`MAX_BODY`] bytes.
pub async fn read_body(request: Request) -> Result<bytes::Bytes, Problem> {
    let mut body = request.into_body();
    let mut read = bytes::BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::malformed("The body ended before it was complete."))?;
        read.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
        if read.len() > MAX_BODY {
            discard(body).await;
            return Err(too_large());
        }
    }
    Ok(read.freeze())
}

/// Reads what is left of a refused body and throws it away, within bounds: a client that is still sending when the
/// connection closes would not get to read the answer.
pub(crate) async fn discard(mut body: Body) {
    let discarding = async {
        let mut seen = 0;
        while seen < DISCARD_BYTES
            && let Some(Ok(frame)) = body.frame().await
        {
            seen += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    drop(tokio::time::timeout(DISCARD_TIME, discarding).await);
}

/// 413, see [`MAX_BODY`].
pub fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "payload-too-large",
        format!("A request body may have at most {MAX_BODY} bytes."),
    )
}

fn has_media_type(headers: &HeaderMap, wanted: &[&str]) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = value.trim().trim_matches('"');
            // ASCII is UTF-8 too
            ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
        }
        _ => true,
    };
    wanted.iter().any(|media_type| essence.eq_ignore_ascii_case(media_type)) && parts.all(is_utf8)
}

/// Whether the body is compressed or the like, which no service takes.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity") && !value.is_empty())
}

fn unsupported(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
}

/// The innermost cause: axum's own words only say that something failed.
fn reason(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}
