//! `POST /v1/users/me/goals`.

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
    time::Timestamp,
};

use crate::{
    actor::Actor,
    domain::{Goal, GoalDraft},
    error::Error,
    openapi::problems,
    state::AppState,
    store::{goals, references},
};

/// Goals that somebody can have.
const MAX_GOALS: i64 = 1_000;

problems! { Problems:
    409 => "`idempotency-key-in-use`: the same request is being served right now",
    413 => "`payload-too-large`: the body has more than 64 KiB",
    415 => "`unsupported-media-type`: the body isn't announced as JSON",
    422 => "`validation-failed`: `errors` lists all values that are against the rules; `goal-limit-reached`: you have \
        1,000 goals already; `idempotency-key-reused`: the key was used with another body",
}

/// Set yourself a goal
#[utoipa::path(
    post,
    path = "/v1/users/me/goals",
    tag = "goals",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$",
        description = "1 to 255 visible ASCII characters. The same \
        key and body give the same answer for 24 hours, so a request can be repeated safely")),
    request_body = GoalDraft,
    responses(
        (status = 201, description = "The goal", body = Goal, headers(
            ("Location" = String, description = "Where the goal is"),
            ("ETag" = String, description = "Changes with the goal"),
        )),
        Problems,
    ),
)]
pub async fn create_goal(
    State(state): State<AppState>,
    actor: Actor,
    key: IdempotencyKey,
    Json(draft): Json<GoalDraft>,
) -> Result<Response, Error> {
    let mut tx = state.pool.begin().await?;
    let fingerprint = payload(&draft).to_string();
    let claim = key.claim(&mut tx, actor.id(), "POST /v1/users/me/goals", fingerprint.as_bytes()).await?;
    if let Claim::Repeat(answer) = claim {
        return Ok(answer.into_response());
    }
    let goal = draft.into_goal(actor.id(), Timestamp::now())?;
    if !references::lock(&mut tx, &[actor.id()]).await?.is_active(actor.id()) {
        return Err(Error::CallerGone);
    }
    if goals::count(&mut tx, &actor).await? >= MAX_GOALS {
        let detail = format!("Nobody can have more than {MAX_GOALS} goals. Delete some first.");
        return Err(Problem::unprocessable("goal-limit-reached", detail).into());
    }
    goals::insert(&mut tx, &goal).await?;
    let answer = answer(&goal);
    if let Claim::First(guard) = claim {
        guard.keep(&mut tx, &answer).await?;
    }
    tx.commit().await?;
    Ok(answer.into_response())
}

fn answer(goal: &Goal) -> Answer {
    let tag = goal.etag().header();
    Answer {
        status: StatusCode::CREATED,
        headers: vec![
            (header::LOCATION.to_string(), format!("/v1/users/me/goals/{}", goal.id)),
            (header::ETAG.to_string(), tag.to_str().unwrap_or_default().to_owned()),
        ],
        body: payload(goal).to_string().into_bytes(),
    }
}
