//! What passwords cost, and which are refused.

use tracklore_testkit::Stack;

use crate::{auth, log_in, sign_up};

async fn hash_of(stack: &Stack, id: i64) -> String {
    let hash = sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1").bind(id);
    hash.fetch_one(&stack.database("auth")).await.unwrap()
}

#[tokio::test]
async fn a_hash_is_renewed_at_the_first_log_in_after_the_cost_has_changed() {
    let mut stack = auth().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    stack.stop("auth").await;
    stack.set("TRACKLORE_PASSWORD_MEMORY", "20");
    stack.start("auth").await;
    log_in(&stack, "ada", "not her long password").await.expect(401);
    assert!(hash_of(&stack, ada.id).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    log_in(&stack, "ada", &ada.password).await.expect(200);
    assert!(hash_of(&stack, ada.id).await.starts_with("$argon2id$v=19$m=20480,t=2,p=1$"));
    log_in(&stack, "ada", &ada.password).await.expect(200);
    assert!(hash_of(&stack, bob.id).await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[tokio::test]
async fn the_commonest_passwords_are_refused_and_the_minimum_can_be_8() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_PASSWORD_MIN_LENGTH", "8");
    stack.start("auth").await;
    for bad in ["7 chars", "sunshine", "Sunshine2026!", "ada-1815", "lovelace"] {
        let refused = sign_up(&stack, "ada-1815", "lovelace@example.org", bad).await.expect(422);
        assert_eq!(refused.json["errors"][0]["pointer"], "/password", "{bad}");
    }
    sign_up(&stack, "ada-1815", "lovelace@example.org", "8 chars!").await.expect(201);
}
