//! Forgetting what has had its time.

use serde_json::json;
use tracklore_testkit::eventually;

use crate::{auth_with_verification, count, log_in, sign_up, text};

#[tokio::test]
async fn what_has_had_its_time_is_forgotten_and_the_rest_stays() {
    let mut stack = auth_with_verification().await;
    let password = "a long enough secret";
    for name in ["ada", "eve"] {
        sign_up(&stack, name, &format!("{name}@example.org"), password).await.expect(202);
    }
    let token = stack.mail("ada@example.org", "Confirm your e-mail address").await;
    stack.mail("eve@example.org", "Confirm your e-mail address").await;
    let body = json!({"token": token.token()});
    stack.post("auth", "/v1/auth/email/verify", &body).await.expect(204);
    let pair = log_in(&stack, "ada", password).await.expect(200);
    let wish = json!({"username": "lovelace", "email": "l@example.org", "password": password});
    let change = stack.request(reqwest::Method::PATCH, "auth", "/v1/auth/me").json(&wish);
    tracklore_testkit::Answer::of(change.bearer_auth(text(&pair, "access_token"))).await.expect(200);
    eventually("all mails are worked off", async || {
        (count(&stack, "mails WHERE done_at IS NULL").await == 0).then_some(())
    })
    .await;

    let tables = [
        ("sessions", "expires_at = now() - interval '8 days'"),
        ("one_time_tokens", "expires_at = now() - interval '1 second'"),
        ("pending_signups", "expires_at = now() - interval '1 second'"),
        ("email_changes", "expires_at = now() - interval '1 second'"),
        ("reserved_usernames", "until = now() - interval '1 second'"),
        ("mails", "done_at = now() - interval '2 days'"),
    ];
    // once while nothing is over, once when all is
    for over in [false, true] {
        stack.stop("auth").await;
        for (table, long_ago) in tables {
            assert!(count(&stack, table).await > 0, "{table}");
            if over {
                let age = sqlx::AssertSqlSafe(format!("UPDATE {table} SET {long_ago}"));
                sqlx::query(age).execute(&stack.database("auth")).await.unwrap();
            }
        }
        stack.start("auth").await;
    }
    for (table, _) in tables {
        eventually(&format!("{table} is empty"), async || (count(&stack, table).await == 0).then_some(()))
            .await;
    }
    assert_eq!(count(&stack, "users").await, 1);
    assert!(count(&stack, "account_events").await > 0);
}
