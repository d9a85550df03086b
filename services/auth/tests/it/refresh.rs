//! Refresh tokens: rotation, lost answers, theft.

use crate::{auth, refresh, session_of, text, verify};

#[tokio::test]
async fn every_refresh_gives_the_next_tokens() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let session = session_of(&stack, &ada).await;
    let mut token = ada.refresh_token.clone();
    for _ in 0..3 {
        let pair = refresh(&stack, &token).await.expect(200);
        assert_eq!(pair.header("cache-control"), "no-store");
        assert_ne!(text(&pair, "refresh_token"), token);
        token = text(&pair, "refresh_token");
        let verified = verify(&stack, &text(&pair, "access_token")).await.expect(200);
        assert_eq!(verified.header("x-session-id"), session);
    }
}

#[tokio::test]
async fn the_last_token_again_gives_the_identical_next_one() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let first = refresh(&stack, &ada.refresh_token).await.expect(200);
    let again = refresh(&stack, &ada.refresh_token).await.expect(200);
    assert_eq!(text(&first, "refresh_token"), text(&again, "refresh_token"));
    refresh(&stack, &text(&again, "refresh_token")).await.expect(200);
}

#[tokio::test]
async fn parallel_refreshes_leave_one_living_lineage() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let (a, b, c) = tokio::join!(
        refresh(&stack, &ada.refresh_token),
        refresh(&stack, &ada.refresh_token),
        refresh(&stack, &ada.refresh_token)
    );
    let next = text(&a.expect(200), "refresh_token");
    assert_eq!(text(&b.expect(200), "refresh_token"), next);
    assert_eq!(text(&c.expect(200), "refresh_token"), next);
    refresh(&stack, &next).await.expect(200);
}

#[tokio::test]
async fn a_stolen_old_token_ends_the_session_and_everybody_hears_of_it() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let session = session_of(&stack, &ada).await;
    let second = refresh(&stack, &ada.refresh_token).await.expect(200);
    let third = refresh(&stack, &text(&second, "refresh_token")).await.expect(200);

    let stolen = refresh(&stack, &ada.refresh_token).await.expect(401);
    assert_eq!((stolen.code(), stolen.header("www-authenticate")), ("invalid-refresh-token", "Bearer"));

    refresh(&stack, &text(&third, "refresh_token")).await.expect(401);
    verify(&stack, &text(&third, "access_token")).await.expect(401);
    let record = stack.record("session-events", |record| record.key == session.as_bytes()).await;
    let revoked: serde_json::Value = record.event().unwrap().unwrap().payload().unwrap();
    assert_eq!(
        (revoked["reason"].as_str(), revoked["user_id"].as_i64()),
        (Some("refresh-token-reuse"), Some(ada.id))
    );
}

#[tokio::test]
async fn the_last_token_after_the_grace_ends_the_session() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let next = refresh(&stack, &ada.refresh_token).await.expect(200);
    // eleven seconds pass
    let past = sqlx::query("UPDATE sessions SET last_used_at = last_used_at - interval '11 seconds'");
    past.execute(&stack.database("auth")).await.unwrap();
    refresh(&stack, &ada.refresh_token).await.expect(401);
    refresh(&stack, &text(&next, "refresh_token")).await.expect(401);
}

#[tokio::test]
async fn expired_sessions_suspended_users_and_forged_tokens_get_nothing() {
    let stack = auth().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let database = stack.database("auth");
    let expired = sqlx::query("UPDATE sessions SET expires_at = now() WHERE user_id = $1").bind(ada.id);
    expired.execute(&database).await.unwrap();
    refresh(&stack, &ada.refresh_token).await.expect(401);
    ada.get(&stack, "auth", "/v1/auth/me").await.expect(401);

    // a token of one session with the number of the next
    let mut forged = bob.refresh_token.clone().into_bytes();
    forged.swap(40, 41);
    for token in ["", "garbage", std::str::from_utf8(&forged).unwrap(), &bob.access_token] {
        assert_eq!(refresh(&stack, token).await.expect(401).code(), "invalid-refresh-token");
    }
    let suspended = sqlx::query("UPDATE users SET status = 'suspended' WHERE id = $1").bind(bob.id);
    suspended.execute(&database).await.unwrap();
    refresh(&stack, &bob.refresh_token).await.expect(401);
    bob.get(&stack, "auth", "/v1/auth/me").await.expect(401);
}
