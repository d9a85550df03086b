//! `DELETE /v1/posts/{id}`.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tracklore_platform::{etag::ETag, extract::Path, token::User};
use uuid::Uuid;

use crate::{
    document::problem_responses,
    error::Error,
    event::Reason,
    state::AppState,
    store::{self, Locked},
    visibility::Viewer,
};

/// Whoever has it may delete everybody's posts.
const MODERATE: &str = "posts:moderate";

problem_responses! { Problems:
    401 => "`token-missing`, `invalid-token`",
    403 => "`forbidden`: another's post, and no scope `posts:moderate`",
    404 => "`not-found`: it isn't there, has expired, or isn't for this caller",
    412 => "`precondition-failed`: the post has another version than `If-Match` says",
}

/// Deletes a post for good.
#[utoipa::path(
    delete, path = "/v1/posts/{id}", tag = "posts", operation_id = "deletePost",
    params(
        ("id" = Uuid, Path, description = "The post"),
        ("If-Match" = Option<String>, Header, description = "An ETag: delete only this version"),
    ),
    responses((status = NO_CONTENT, description = "It is gone"), Problems),
    security(("access_token" = []))
)]
pub async fn delete(
    State(state): State<AppState>,
    user: User,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let mut tx = state.pool.begin().await?;
    let viewer = Viewer::now(Some(user.id));
    let locked = store::lock(&mut tx, id, &viewer).await?.ok_or(Error::NotFound)?;
    let reason = reason(&user, &viewer, &locked)?;
    ETag::of_version(locked.post.version).check_if_match(&headers)?;
    store::remove(&mut tx, &locked.post, reason, viewer.now).await?;
    tx.commit().await?;
    state.relay.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// Why the post would go, if this user may delete it. Moderators reach what they can't read: a post for followers is
/// reported to them by its id.
fn reason(user: &User, viewer: &Viewer, Locked { post, seen }: &Locked) -> Result<Reason, Error> {
    if post.is_expired(viewer.now) {
        Err(Error::NotFound)
    } else if post.author_id == user.id {
        Ok(Reason::Deleted)
    } else if user.has_scope(MODERATE) {
        Ok(Reason::Moderated)
    } else if *seen {
        Err(Error::Forbidden)
    } else {
        Err(Error::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use tracklore_platform::time::Timestamp;

    use super::*;
    use crate::post::{Visibility, tests::post};

    fn outcome(
        user: i64,
        scope: &str,
        (visibility, seen): (Visibility, bool),
        expires_at: Option<i64>,
    ) -> Result<Reason, u16> {
        let user = User {
            id: user.try_into().unwrap(),
            session_id: Uuid::now_v7(),
            scope: scope.to_owned(),
            auth_time: 0,
            expires_at: 0,
        };
        let viewer = Viewer { user: Some(user.id), now: Timestamp::from_unix_millis(1000) };
        let locked = Locked { post: post(1, visibility, expires_at), seen };
        reason(&user, &viewer, &locked).map_err(|error| match error {
            Error::Forbidden => 403,
            _ => 404,
        })
    }

    #[test]
    fn the_author_deletes_the_moderator_moderates_and_others_get_403_or_404() {
        use Visibility::{Followers, Public};
        assert_eq!(outcome(1, "", (Followers, true), None), Ok(Reason::Deleted));
        assert_eq!(outcome(1, MODERATE, (Public, true), None), Ok(Reason::Deleted));
        assert_eq!(outcome(2, MODERATE, (Public, true), None), Ok(Reason::Moderated));
        assert_eq!(outcome(2, MODERATE, (Followers, false), None), Ok(Reason::Moderated));
        assert_eq!(outcome(2, "posts", (Public, true), None), Err(403));
        assert_eq!(outcome(2, "", (Followers, true), None), Err(403));
        assert_eq!(outcome(2, "", (Followers, false), None), Err(404));
        assert_eq!(outcome(1, MODERATE, (Public, false), Some(1000)), Err(404));
    }
}
