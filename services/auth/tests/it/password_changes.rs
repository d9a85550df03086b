//! Changing a password, and setting one by mail.

use serde_json::json;
use tracklore_testkit::{Account, Answer, Stack};

use crate::{auth, count, ended, log_in, refresh, text, verify};

const NEW: &str = "another long enough secret";
const RESET: &str = "Set a new password";

async fn change(stack: &Stack, account: &Account, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    account.post(stack, "auth", "/v1/auth/password/change", &body).await
}

async fn forgot(stack: &Stack, email: &str) -> Answer {
    stack.post("auth", "/v1/auth/password/reset", &json!({"email": email})).await
}

async fn confirm(stack: &Stack, token: &str, new: &str) -> Answer {
    let body = json!({"token": token, "new_password": new});
    stack.post("auth", "/v1/auth/password/reset/confirm", &body).await
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_is_told_by_mail() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let other = log_in(&stack, "ada", &ada.password).await.expect(200);
    change(&stack, &ada, &ada.password, NEW).await.expect(204);
    verify(&stack, &ada.access_token).await.expect(200);
    verify(&stack, &text(&other, "access_token")).await.expect(401);
    refresh(&stack, &text(&other, "refresh_token")).await.expect(401);
    log_in(&stack, "ada", &ada.password).await.expect(401);
    log_in(&stack, "ada", NEW).await.expect(200);
    stack.mail("ada@example.org", "Your password was changed").await;
    stack.record("session-events", |_| true).await;
    let reasons: Vec<_> = ended(&stack).await.into_iter().map(|(_, reason)| reason).collect();
    assert_eq!(reasons, ["password-changed"]);
}

#[tokio::test]
async fn a_change_needs_the_present_password_and_a_good_new_one() {
    let stack = auth().await;
    let ada = stack.sign_up("ada-lovelace-1815").await;
    assert_eq!(change(&stack, &ada, "not her long password", NEW).await.expect(403).code(), "wrong-password");
    for bad in ["short", "Ada-Lovelace-1815", "aaaaaaaaaaaaaaaaaaa"] {
        let refused = change(&stack, &ada, &ada.password, bad).await.expect(422);
        assert_eq!(refused.json["errors"][0]["pointer"], "/new_password");
    }
    log_in(&stack, &ada.username, &ada.password).await.expect(200);
}

#[tokio::test]
async fn a_link_sets_a_new_password_once_and_ends_all_sessions() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    forgot(&stack, "ADA@example.org").await.expect(202);
    let mail = stack.mail("ada@example.org", RESET).await;
    assert!(mail.link().starts_with("http://tracklore.test/v1/auth/links/reset-password#"), "{}", mail.text);
    assert!(mail.raw.contains("text/html"));

    // a bad password doesn't cost the link
    confirm(&stack, mail.token(), "short").await.expect(422);
    confirm(&stack, mail.token(), NEW).await.expect(204);
    assert_eq!(confirm(&stack, mail.token(), NEW).await.expect(422).code(), "invalid-link");
    verify(&stack, &ada.access_token).await.expect(401);
    log_in(&stack, "ada", &ada.password).await.expect(401);
    let pair = log_in(&stack, "ada", NEW).await.expect(200);
    let me =
        stack.request(reqwest::Method::GET, "auth", "/v1/auth/me").bearer_auth(text(&pair, "access_token"));
    assert_eq!(Answer::of(me).await.expect(200).json["email_verified"], true);
    stack.mail("ada@example.org", "Your password was changed").await;
}

#[tokio::test]
async fn a_link_used_twice_at_once_works_once() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    forgot(&stack, "ada@example.org").await.expect(202);
    let mail = stack.mail("ada@example.org", RESET).await;
    let (a, b) = tokio::join!(
        confirm(&stack, mail.token(), NEW),
        confirm(&stack, mail.token(), "a third long enough secret")
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422]);
}

#[tokio::test]
async fn links_end_with_their_time_with_a_change_and_with_each_other() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let link = async |already: usize| {
        forgot(&stack, "ada@example.org").await.expect(202);
        tracklore_testkit::eventually("the mail comes", async || {
            let mails: Vec<_> = stack.mails().into_iter().filter(|mail| mail.subject == RESET).collect();
            mails.get(already).cloned()
        })
        .await
    };
    let (first, second) = (link(0).await, link(1).await);
    change(&stack, &ada, &ada.password, NEW).await.expect(204);
    for dead in [&first, &second] {
        confirm(&stack, dead.token(), "a third long secret").await.expect(422);
    }
    let third = link(2).await;
    let later = sqlx::query("UPDATE one_time_tokens SET expires_at = now() WHERE purpose = 'reset-password'");
    later.execute(&stack.database("auth")).await.unwrap();
    confirm(&stack, third.token(), "a third long secret").await.expect(422);
    for garbage in ["", "x", &"a".repeat(43)] {
        confirm(&stack, garbage, "a third long secret").await.expect(422);
    }
}

#[tokio::test]
async fn whether_an_address_is_known_shows_nowhere() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let suspended = stack.sign_up("sleeper").await;
    let query = sqlx::query("UPDATE users SET status = 'suspended' WHERE id = $1").bind(suspended.id);
    query.execute(&stack.database("auth")).await.unwrap();
    let before = count(&stack, "mails").await;
    let addresses = ["ada@example.org", "nobody@example.org", "sleeper@example.org"];
    for address in addresses {
        let answer = forgot(&stack, address).await.expect(202);
        assert_eq!((answer.json.is_null(), answer.header("content-length")), (true, "0"), "{address}");
    }
    assert_eq!(forgot(&stack, "no address").await.expect(202).header("content-length"), "0");
    assert_eq!(count(&stack, "mails").await, before + 3, "each is noted");

    stack.mail("ada@example.org", RESET).await;
    tracklore_testkit::eventually("all are worked off", async || {
        (count(&stack, "mails WHERE done_at IS NULL").await == 0).then_some(())
    })
    .await;
    let resets: Vec<_> =
        stack.mails().into_iter().filter(|mail| mail.subject == RESET).map(|mail| mail.to).collect();
    assert_eq!(resets, [format!("{}@example.org", ada.username)]);
}

#[tokio::test]
async fn an_address_gets_five_mails_an_hour_and_nobody_is_told() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    for _ in 0..8 {
        forgot(&stack, "ada@example.org").await.expect(202);
    }
    assert_eq!(count(&stack, "mails WHERE kind = 'reset-password'").await, 5);
    let later = sqlx::query("UPDATE mails SET created_at = created_at - interval '1 hour'");
    later.execute(&stack.database("auth")).await.unwrap();
    forgot(&stack, "ada@example.org").await.expect(202);
    assert_eq!(count(&stack, "mails WHERE kind = 'reset-password'").await, 6);
}
