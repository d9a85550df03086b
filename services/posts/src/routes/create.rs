//! `POST /v1/posts`.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use tracklore_platform::{
    etag::ETag,
    event::payload,
    extract::Json,
    idempotency::{Answer, Claim, IdempotencyKey},
    time::Timestamp,
    token::User,
};

use crate::{document::problem_responses, draft::Draft, error::Error, post::Post, state::AppState, store};

problem_responses! { Problems:
    400 => "`malformed-request`",
    401 => "`token-missing`, `invalid-token` (also when the account was deleted)",
    409 => "`idempotency-key-in-use`: the same request is being served right now",
    413 => "`payload-too-large`",
    415 => "`unsupported-media-type`",
    422 => "`validation-failed` with all violations in `errors`, `idempotency-key-reused`",
}

/// Writes a post.
#[utoipa::path(
    post, path = "/v1/posts", tag = "posts", operation_id = "createPost",
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "1 to 255 visible ASCII characters. The same \
        key and body give the same answer for 24 hours, so a request can be repeated safely.")),
    request_body = Draft,
    responses(
        (status = CREATED, body = Post, description = "The post", headers(
            ("Location" = String, description = "Where the post is"),
            ("ETag" = String, description = "The post's version"),
        )),
        Problems,
    ),
    security(("access_token" = []))
)]
pub async fn create(
    State(state): State<AppState>,
    user: User,
    key: IdempotencyKey,
    Json(draft): Json<Draft>,
) -> Result<Response, Error> {
    let mut tx = state.pool.begin().await?;
    // the key comes before the rules: a repeated request gets its answer even when expires_at has passed meanwhile
    let fingerprint = payload(&draft).to_string();
    let claim = key.claim(&mut tx, user.id, "POST /v1/posts", fingerprint.as_bytes()).await?;
    if let Claim::Repeat(answer) = claim {
        return Ok(answer.into_response());
    }
    let post = draft.into_post(user.id, Timestamp::now())?;
    let post = store::insert(&mut tx, post).await?.ok_or(Error::AuthorDeleted)?;
    let answer = answer(&post);
    if let Claim::First(guard) = claim {
        guard.keep(&mut tx, &answer).await?;
    }
    #[cfg(feature = "deliberate-bugs")]
    state.relay.publish_before_commit(&mut tx).await?;
    tx.commit().await?;
    state.relay.wake();
    Ok(answer.into_response())
}

fn answer(post: &Post) -> Answer {
    let tag = ETag::of_version(post.version).header();
    Answer {
        status: StatusCode::CREATED,
        headers: vec![
            (header::LOCATION.to_string(), format!("/v1/posts/{}", post.id)),
            (header::ETAG.to_string(), tag.to_str().unwrap_or_default().to_owned()),
        ],
        body: serde_json::to_vec(post).unwrap_or_default(),
    }
}
