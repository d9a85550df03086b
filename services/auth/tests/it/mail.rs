//! How mails are kept until they are sent.

use serde_json::json;
use tracklore_testkit::{Stack, eventually};

use crate::{auth, count, sign_up};

#[tokio::test]
async fn what_waits_in_the_database_tells_nothing_and_is_erased_once_sent() {
    let mut stack = Stack::new().await;
    // nothing listens there
    stack.set("TRACKLORE_MAIL_URL", "smtp://127.0.0.1:1");
    stack.set("TRACKLORE_EMAIL_VERIFICATION", "required");
    stack.start("auth").await;
    sign_up(&stack, "ada", "ada@example.org", "a long enough secret").await.expect(202);
    eventually("the link is made and the mail tried", async || {
        (count(&stack, "one_time_tokens").await == 1).then_some(())
    })
    .await;
    assert_eq!(count(&stack, "mails WHERE sealed IS NOT NULL").await, 1);
    let readable = "mails WHERE encode(sealed, 'escape') ~* 'example|argon'";
    assert_eq!(count(&stack, readable).await, 0);

    // another replica finds the server and sends it
    stack.kill("auth").await;
    stack.set("TRACKLORE_MAIL_URL", &stack.mail_url());
    let soon = sqlx::query("UPDATE mails SET next_attempt_at = now()");
    soon.execute(&stack.database("auth")).await.unwrap();
    stack.start("auth").await;
    let mail = stack.mail("ada@example.org", "Confirm your e-mail address").await;
    eventually("it is erased", async || {
        (count(&stack, "mails WHERE sealed IS NULL AND done_at IS NOT NULL").await == 1).then_some(())
    })
    .await;
    stack.post("auth", "/v1/auth/email/verify", &json!({"token": mail.token()})).await.expect(204);
}

#[tokio::test]
async fn a_mail_that_can_not_be_sent_in_time_is_given_up() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_MAIL_URL", "smtp://127.0.0.1:1");
    stack.start("auth").await;
    stack.sign_up("ada").await;
    eventually("it is given up", async || {
        let over =
            sqlx::query("UPDATE mails SET give_up_at = now(), next_attempt_at = now() WHERE done_at IS NULL");
        over.execute(&stack.database("auth")).await.unwrap();
        (count(&stack, "mails WHERE sealed IS NULL AND done_at IS NOT NULL").await == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nothing_is_mailed_for_what_did_not_happen() {
    let stack = auth().await;
    stack.sign_up("ada").await;
    sign_up(&stack, "ada", "eve@example.org", "a long enough secret").await.expect(409);
    sign_up(&stack, "eve", "ada@example.org", "a long enough secret").await.expect(409);
    assert_eq!(count(&stack, "mails").await, 1);
}

#[tokio::test]
async fn without_a_way_to_send_nothing_waits_and_answers_are_the_same() {
    let mut stack = Stack::new().await;
    stack.unset("TRACKLORE_MAIL_URL");
    stack.start("auth").await;
    stack.sign_up("ada").await;
    for path in ["/v1/auth/password/reset", "/v1/auth/email/verify/resend"] {
        stack.post("auth", path, &json!({"email": "ada@example.org"})).await.expect(202);
    }
    assert_eq!(count(&stack, "mails").await, 0);
}
