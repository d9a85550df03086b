//! `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): the same key and body by the same actor on the
//! same route give the same answer for 24 h. The answer is kept in the transaction of its effect, so there is never an
//! effect without an answer to repeat.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, types::Json};

use crate::{id::UserId, problem::Problem};

const MAX_KEY: usize = 255;

/// The request's key, if it has one; 400 when it isn't 1–255 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(Option<String>);

/// An answer that can be kept and repeated.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Headers as name and value.
    pub headers: Vec<(String, String)>,
    /// A JSON body.
    pub body: Vec<u8>,
}

/// A creating request under its key.
#[derive(Debug)]
pub struct Guard<'a> {
    actor: UserId,
    route: &'static str,
    key: &'a str,
    fingerprint: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Kept {
    fingerprint: Vec<u8>,
    status: i16,
    headers: Json<Vec<(String, String)>>,
    body: Vec<u8>,
}

/// What [`IdempotencyKey::claim`] found.
#[derive(Debug)]
pub enum Claim<'a> {
    /// No key: do it, nothing to keep.
    Unguarded,
    /// First time: do it, then [`Guard::keep`] the answer in the same transaction.
    First(Guard<'a>),
    /// Seen before: answer this.
    Repeat(Answer),
}

impl IdempotencyKey {
    /// Claims the key within the caller's transaction. 409 while the same request is being served elsewhere, 422 when
    /// the key was used with another body.
    pub async fn claim<'a>(
        &'a self,
        tx: &mut PgConnection,
        actor: UserId,
        route: &'static str,
        body: &[u8],
    ) -> Result<Claim<'a>, Problem> {
        let Some(key) = self.0.as_deref() else { return Ok(Claim::Unguarded) };
        let alone: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("{actor} {route} {key}"))
            .fetch_one(&mut *tx)
            .await?;
        let fingerprint = Sha256::digest(body).to_vec();
        let known: Option<Kept> = sqlx::query_as(
            "SELECT fingerprint, status, headers, body FROM idempotency_keys \
             WHERE actor = $1 AND route = $2 AND key = $3 AND created_at > now() - interval '24 hours'",
        )
        .bind(actor)
        .bind(route)
        .bind(key)
        .fetch_optional(tx)
        .await?;
        match known {
            // Only without an answer: whoever was answered may still hold the key while its transaction ends.
            None if !alone => Err(Problem::conflict(
                "idempotency-key-in-use",
                "A request with this Idempotency-Key is being served right now. Wait for its answer.",
            )),
            None => Ok(Claim::First(Guard { actor, route, key, fingerprint })),
            Some(kept) if kept.fingerprint == fingerprint => {
                let status =
                    u16::try_from(kept.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
                let Json(headers) = kept.headers;
                Ok(Claim::Repeat(Answer {
                    status: status.unwrap_or(StatusCode::OK),
                    headers,
                    body: kept.body,
                }))
            }
            Some(_) => Err(Problem::unprocessable(
                "idempotency-key-reused",
                "This Idempotency-Key was used with another body. Use a new key for a new request.",
            )),
        }
    }
}

impl Guard<'_> {
    /// Keeps the answer; call in the transaction of the effect.
    pub async fn keep(self, tx: &mut PgConnection, answer: &Answer) -> Result<(), sqlx::Error> {
        // an expired row of the same key may still be there
        sqlx::query(
            "INSERT INTO idempotency_keys (actor, route, key, fingerprint, status, headers, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (actor, route, key) DO UPDATE SET \
             fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, \
             body = excluded.body, created_at = now()",
        )
        .bind(self.actor)
        .bind(self.route)
        .bind(self.key)
        .bind(self.fingerprint)
        .bind(i16::try_from(answer.status.as_u16()).unwrap_or(200))
        .bind(Json(&answer.headers))
        .bind(&answer.body)
        .execute(tx)
        .await
        .map(drop)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
        match value.to_str().ok().filter(visible) {
            _ if values.next().is_some() => {
                Err(Problem::malformed("There must be one Idempotency-Key, not several."))
            }
            Some(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::malformed(format!(
                "Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters, without spaces."
            ))),
        }
    }
}
