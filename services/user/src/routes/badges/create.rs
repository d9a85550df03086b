//! `POST /v1/badges`.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use tracklore_platform::{
    event::payload,
    extract::Json,
    idempotency::{Answer, Claim, IdempotencyKey},
    problem::Problem,
};

use crate::{
    actor::BadgeAdmin,
    domain::{Badge, BadgeDraft},
    error::Error,
    openapi::problems,
    state::AppState,
    store::badges,
};

problems! { Problems:
    403 => "`scope-missing`: this takes the scope `badges:admin`",
    409 => "`badge-exists`: there is a badge with this slug; `idempotency-key-in-use`: the same request is being \
        served right now",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules; `idempotency-key-reused`: the \
        key was used with another body",
}

/// Make a badge
///
/// Takes the scope `badges:admin`.
#[utoipa::path(
    post,
    path = "/v1/badges",
    tag = "badges",
    security(("bearer" = ["badges:admin"])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "1 to 255 visible ASCII characters. The same \
        key and body give the same answer for 24 hours, so a request can be repeated safely")),
    request_body = BadgeDraft,
    responses(
        (status = 201, description = "The badge", body = Badge, headers(
            ("Location" = String, description = "Where the badge is"),
            ("ETag" = String, description = "Changes with the badge"),
        )),
        Problems,
    ),
)]
pub async fn create_badge(
    State(state): State<AppState>,
    admin: BadgeAdmin,
    key: IdempotencyKey,
    Json(draft): Json<BadgeDraft>,
) -> Result<Response, Error> {
    let mut tx = state.pool.begin().await?;
    let fingerprint = payload(&draft).to_string();
    let claim = key.claim(&mut tx, admin.actor().id(), "POST /v1/badges", fingerprint.as_bytes()).await?;
    if let Claim::Repeat(answer) = claim {
        return Ok(answer.into_response());
    }
    draft.validate()?;
    let badge = badges::insert(&mut tx, &admin, &draft.into_badge(1)).await?.ok_or_else(|| {
        Problem::conflict(
            "badge-exists",
            "There is a badge with this slug. Change that one, or choose another.",
        )
    })?;
    let answer = answer(&badge);
    if let Claim::First(guard) = claim {
        guard.keep(&mut tx, &answer).await?;
    }
    tx.commit().await?;
    Ok(answer.into_response())
}

fn answer(badge: &Badge) -> Answer {
    let tag = badge.etag().header();
    Answer {
        status: StatusCode::CREATED,
        headers: vec![
            (header::LOCATION.to_string(), format!("/v1/badges/{}", badge.slug)),
            (header::ETAG.to_string(), tag.to_str().unwrap_or_default().to_owned()),
        ],
        body: payload(badge).to_string().into_bytes(),
    }
}
