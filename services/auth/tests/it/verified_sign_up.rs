//! Signing up where an address must be confirmed first.

use serde_json::json;
use tracklore_testkit::{Answer, Stack, eventually};

use crate::{auth, auth_with_verification, count, log_in, sign_up};

const PASSWORD: &str = "a long enough secret";
const CONFIRM: &str = "Confirm your e-mail address";

async fn verify_email(stack: &Stack, token: &str) -> Answer {
    stack.post("auth", "/v1/auth/email/verify", &json!({"token": token})).await
}

async fn resend(stack: &Stack, email: &str) -> Answer {
    stack.post("auth", "/v1/auth/email/verify/resend", &json!({"email": email})).await
}

async fn worked_off(stack: &Stack) {
    eventually("all mails are worked off", async || {
        (count(stack, "mails WHERE done_at IS NULL").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_comes_to_be_with_the_word_of_the_addresss_owner() {
    let stack = auth_with_verification().await;
    let answer = sign_up(&stack, "Ada", "ada@example.org", PASSWORD).await.expect(202);
    assert!(answer.json.is_null());
    let mail = stack.mail("ada@example.org", CONFIRM).await;
    log_in(&stack, "ada", PASSWORD).await.expect(401);
    assert!(stack.records("user-events").await.is_empty(), "nobody else knows of it yet");

    verify_email(&stack, mail.token()).await.expect(204);
    log_in(&stack, "ada", PASSWORD).await.expect(200);
    let record = stack.record("user-events", |_| true).await;
    assert_eq!(record.header("ce_type"), Some("tracklore.user.created.v1"));
    assert_eq!(verify_email(&stack, mail.token()).await.expect(422).code(), "invalid-link");
}

#[tokio::test]
async fn whatever_is_taken_the_answer_is_the_same_and_only_the_mail_says_it() {
    let stack = auth_with_verification().await;
    sign_up(&stack, "ada", "ada@example.org", PASSWORD).await.expect(202);
    verify_email(&stack, stack.mail("ada@example.org", CONFIRM).await.token()).await.expect(204);

    for (username, email, subject) in [
        ("eve", "ADA@example.org", "You have an account already"),
        ("ADA", "eve@example.org", "Choose another username"),
        ("eve", "eve@example.org", CONFIRM),
    ] {
        let answer = sign_up(&stack, username, email, "another long secret").await.expect(202);
        assert_eq!((answer.json.is_null(), answer.header("content-length")), (true, "0"));
        stack.mail(&email.to_lowercase(), subject).await;
    }
    log_in(&stack, "ada", PASSWORD).await.expect(200);
    log_in(&stack, "ada@example.org", "another long secret").await.expect(401);
    sign_up(&stack, "1", "nobody", "short").await.expect(422);
}

#[tokio::test]
async fn a_name_is_nobodys_before_the_word_and_the_first_gets_it() {
    let stack = auth_with_verification().await;
    for email in ["ada@example.org", "eve@example.org"] {
        sign_up(&stack, "ada", email, PASSWORD).await.expect(202);
    }
    let (first, second) =
        (stack.mail("ada@example.org", CONFIRM).await, stack.mail("eve@example.org", CONFIRM).await);
    verify_email(&stack, second.token()).await.expect(204);
    assert_eq!(verify_email(&stack, first.token()).await.expect(409).code(), "username-taken");
    log_in(&stack, "eve@example.org", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_lost_mail_comes_again_and_nobody_learns_whether_one_was_due() {
    let stack = auth_with_verification().await;
    sign_up(&stack, "ada", "ada@example.org", PASSWORD).await.expect(202);
    stack.mail("ada@example.org", CONFIRM).await;
    for address in ["ada@example.org", "nobody@example.org", "no address"] {
        assert!(resend(&stack, address).await.expect(202).json.is_null());
    }
    worked_off(&stack).await;
    let mails = stack.mails();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["ada@example.org"; 2]);
    // both links are good, and the account is made once
    verify_email(&stack, mails[1].token()).await.expect(204);
    verify_email(&stack, mails[0].token()).await.expect(422);
    resend(&stack, "ada@example.org").await.expect(202);
    worked_off(&stack).await;
    assert_eq!(stack.mails().len(), 2, "nothing waits any more");
}

#[tokio::test]
async fn an_account_of_before_is_usable_once_confirmed() {
    let mut stack = auth().await;
    let ada = stack.sign_up("ada").await;
    stack.stop("auth").await;
    stack.set("TRACKLORE_EMAIL_VERIFICATION", "required");
    stack.start("auth").await;
    log_in(&stack, "ada", &ada.password).await.expect(401);
    verify_email(&stack, stack.mail("ada@example.org", CONFIRM).await.token()).await.expect(204);
    log_in(&stack, "ada", &ada.password).await.expect(200);
}

#[tokio::test]
async fn a_sign_up_nobody_confirms_leaves_nothing() {
    let stack = auth_with_verification().await;
    sign_up(&stack, "ada", "ada@example.org", PASSWORD).await.expect(202);
    let mail = stack.mail("ada@example.org", CONFIRM).await;
    let database = stack.database("auth");
    for table in ["one_time_tokens", "pending_signups"] {
        let later = sqlx::AssertSqlSafe(format!("UPDATE {table} SET expires_at = now()"));
        sqlx::query(later).execute(&database).await.unwrap();
    }
    verify_email(&stack, mail.token()).await.expect(422);
    assert_eq!(count(&stack, "users").await, 0);
}
