//! Another address for an account.

use serde_json::json;
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::{auth, count, log_in, refresh, sign_up, text, verify};

const CONFIRM: &str = "Confirm your e-mail address";
const CHANGING: &str = "Your e-mail address is being changed";
const OLD: &str = "ada@example.org";
const NEW: &str = "lovelace@example.org";

async fn wish(stack: &Stack, account: &Account, email: &str) -> Answer {
    let body = json!({"email": email, "password": account.password});
    account.patch(stack, "auth", "/v1/auth/me", &body).await.expect(200)
}

async fn with_token(stack: &Stack, path: &str, token: &str) -> Answer {
    stack.post("auth", path, &json!({"token": token})).await
}

async fn confirm(stack: &Stack, token: &str) -> Answer {
    with_token(stack, "/v1/auth/email/verify", token).await
}

async fn undo(stack: &Stack, token: &str) -> Answer {
    with_token(stack, "/v1/auth/email/undo", token).await
}

/// Somebody with a confirmed address.
async fn ada(stack: &Stack) -> Account {
    let ada = stack.sign_up("ada").await;
    confirm(stack, stack.mail(OLD, CONFIRM).await.token()).await.expect(204);
    ada
}

async fn own(stack: &Stack, account: &Account) -> (String, String, bool) {
    let me = account.get(stack, "auth", "/v1/auth/me").await.expect(200);
    (text(&me, "email"), text(&me, "pending_email"), me.json.get("email_verified") == Some(&true.into()))
}

#[tokio::test]
async fn a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told() {
    let stack = auth().await;
    let ada = ada(&stack).await;
    wish(&stack, &ada, "Lovelace@Example.org").await;
    assert_eq!(own(&stack, &ada).await, (OLD.into(), NEW.into(), true));
    log_in(&stack, NEW, &ada.password).await.expect(401);
    assert!(stack.mail(OLD, CHANGING).await.text.contains(NEW));

    confirm(&stack, stack.mail(NEW, CONFIRM).await.token()).await.expect(204);
    assert_eq!(own(&stack, &ada).await, (NEW.into(), String::new(), true));
    log_in(&stack, NEW, &ada.password).await.expect(200);
    log_in(&stack, OLD, &ada.password).await.expect(401);
}

#[tokio::test]
async fn the_old_address_takes_a_stolen_account_back_before_and_after_the_change() {
    for confirmed in [false, true] {
        let stack = auth().await;
        let ada = ada(&stack).await;
        wish(&stack, &ada, NEW).await;
        let theirs = stack.mail(NEW, CONFIRM).await;
        if confirmed {
            confirm(&stack, theirs.token()).await.expect(204);
            // nobody else can get the address meanwhile
            let squat = sign_up(&stack, "eve", OLD, "a long enough secret").await.expect(409);
            assert_eq!(squat.code(), "email-taken");
        }
        let mine = stack.mail(OLD, CHANGING).await;
        undo(&stack, mine.token()).await.expect(204);

        verify(&stack, &ada.access_token).await.expect(401);
        refresh(&stack, &ada.refresh_token).await.expect(401);
        for login in ["ada", OLD, NEW] {
            log_in(&stack, login, &ada.password).await.expect(401);
            log_in(&stack, login, "!").await.expect(401);
        }
        confirm(&stack, theirs.token()).await.expect(422);
        assert_eq!(undo(&stack, mine.token()).await.expect(422).code(), "invalid-link");

        let reset = stack.mail(OLD, "Set a new password").await;
        let body = json!({"token": reset.token(), "new_password": "another long enough secret"});
        stack.post("auth", "/v1/auth/password/reset/confirm", &body).await.expect(204);
        log_in(&stack, OLD, "another long enough secret").await.expect(200);
    }
}

#[tokio::test]
async fn an_address_somebody_has_is_not_said_to_be_had() {
    let stack = auth().await;
    let (ada, bob) = (ada(&stack).await, stack.sign_up("bob").await);
    let answer = wish(&stack, &ada, "bob@example.org").await;
    assert_eq!(text(&answer, "pending_email"), "bob@example.org");
    let told = stack.mail("bob@example.org", "You have an account already").await;
    assert!(!told.text.contains('#'), "{}", told.text);
    log_in(&stack, "bob@example.org", &bob.password).await.expect(200);
    assert_eq!(own(&stack, &ada).await.0, OLD);
}

#[tokio::test]
async fn only_the_last_wish_counts_and_the_present_address_is_none() {
    let stack = auth().await;
    let ada = ada(&stack).await;
    wish(&stack, &ada, "first@example.org").await;
    let first = stack.mail("first@example.org", CONFIRM).await;
    wish(&stack, &ada, NEW).await;
    let second = stack.mail(NEW, CONFIRM).await;
    confirm(&stack, first.token()).await.expect(422);
    wish(&stack, &ada, OLD).await;
    assert_eq!(own(&stack, &ada).await, (OLD.into(), String::new(), true));
    confirm(&stack, second.token()).await.expect(422);
}

#[tokio::test]
async fn an_address_that_nobody_confirmed_is_replaced_without_a_word_to_it() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    stack.mail(OLD, CONFIRM).await;
    wish(&stack, &ada, NEW).await;
    confirm(&stack, stack.mail(NEW, CONFIRM).await.token()).await.expect(204);
    eventually("all mails are worked off", async || {
        (count(&stack, "mails WHERE done_at IS NULL").await == 0).then_some(())
    })
    .await;
    let told: Vec<_> =
        stack.mails().into_iter().filter(|mail| mail.to == OLD).map(|mail| mail.subject).collect();
    assert_eq!(told, [CONFIRM]);
}
