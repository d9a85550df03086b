//! A session that ended is refused by every service.

use std::time::{Duration, Instant};

use serde_json::Value;
use tracklore_testkit::{Account, Stack, eventually};

use crate::verify;

/// One address of each service that asks who calls.
const PLACES: [(&str, &str); 4] = [
    ("auth", "/v1/auth/verify"),
    ("user", "/v1/users/me"),
    ("posts", "/v1/posts?author_id=1"),
    ("feed", "/v1/feed/global"),
];

async fn all_services() -> Stack {
    let mut stack = Stack::new().await;
    for (service, _) in PLACES {
        stack.start(service).await;
    }
    stack
}

/// Logs out and says how long it took until all services refused the token.
async fn log_out(stack: &Stack, account: &Account) -> Duration {
    for (service, path) in PLACES {
        account.get(stack, service, path).await.expect(200);
    }
    account.post(stack, "auth", "/v1/auth/logout", &Value::Null).await.expect(204);
    let ended = Instant::now();
    for (service, path) in PLACES {
        eventually(&format!("{service} refuses the session"), async || {
            let answer = account.get(stack, service, path).await;
            (answer.status == 401).then(|| assert_eq!(answer.code(), "invalid-token"))
        })
        .await;
    }
    ended.elapsed()
}

#[tokio::test]
async fn every_service_refuses_an_ended_session_within_a_second() {
    let stack = all_services().await;
    let mut taken = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let account = stack.sign_up(name).await;
        taken.push(log_out(&stack, &account).await);
    }
    // one of three, since the machine may be busy with other tests
    assert!(taken.iter().min().is_some_and(|best| *best < Duration::from_secs(1)), "{taken:?}");
    // others go on
    let other = stack.sign_up("mallory").await;
    for (service, path) in PLACES {
        other.get(&stack, service, path).await.expect(200);
    }
}

#[tokio::test]
async fn a_service_that_starts_later_knows_of_earlier_ends() {
    let mut stack = all_services().await;
    let ada = stack.sign_up("ada").await;
    for (service, path) in PLACES {
        ada.get(&stack, service, path).await.expect(200);
    }
    stack.stop("posts").await;
    ada.post(&stack, "auth", "/v1/auth/logout", &Value::Null).await.expect(204);
    // published, and not only known where it happened
    stack
        .record("session-events", |record| record.header("ce_type") == Some("tracklore.session.revoked.v1"))
        .await;
    for service in ["auth", "posts"] {
        if service == "auth" {
            stack.stop(service).await;
        }
        stack.start(service).await;
        let (_, path) = PLACES.into_iter().find(|(name, _)| *name == service).unwrap();
        assert_eq!(ada.get(&stack, service, path).await.expect(401).code(), "invalid-token");
    }
}

#[tokio::test]
async fn without_kafka_a_service_starts_and_auth_refuses_what_it_ended_itself() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
    stack.start("auth").await;
    let ada = stack.sign_up("ada").await;
    verify(&stack, &ada.access_token).await.expect(200);
    ada.post(&stack, "auth", "/v1/auth/logout", &Value::Null).await.expect(204);
    verify(&stack, &ada.access_token).await.expect(401);
}
