//! Blocks.

use serde_json::json;
use tracklore_testkit::{Account, Answer, Stack};

use crate::{
    ME,
    follows::{counts, follow, following},
    history_of, ids, patch, stack,
};

fn block_of(id: i64) -> String {
    format!("{ME}/blocks/{id}")
}

async fn block(stack: &Stack, who: &Account, whom: &Account) -> Answer {
    who.put(stack, "user", &block_of(whom.id)).await
}

#[tokio::test]
async fn a_block_ends_follows_both_ways_and_lets_nothing_new_begin_without_telling() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    follow(&stack, &ada, &eve).await.expect(204);
    follow(&stack, &eve, &ada).await.expect(204);
    ada.get(&stack, "user", &block_of(eve.id)).await.expect(404);
    for _ in 0..2 {
        block(&stack, &ada, &eve).await.expect(204);
    }
    ada.get(&stack, "user", &block_of(eve.id)).await.expect(204);
    assert_eq!((counts(&stack, ada.id).await, counts(&stack, eve.id).await), ((0, 0), (0, 0)));
    for key in [format!("{}:{}", ada.id, eve.id), format!("{}:{}", eve.id, ada.id)] {
        assert_eq!(history_of(&stack, &key, 2).await[1], ("user.unfollowed.v1".to_owned(), 2));
    }

    // the blocked one gets the answer that anybody gets, whatever the policy
    follow(&stack, &eve, &ada).await.expect(204);
    drop(patch(&stack, &ada, &json!({"follow_policy": "approval"})).await.expect(200));
    follow(&stack, &eve, &ada).await.expect(202);
    assert_eq!(ids(&ada.get(&stack, "user", "/v1/users/me/follow-requests").await.expect(200).json), [0; 0]);
    assert_eq!(counts(&stack, ada.id).await, (0, 0));
    eve.get(&stack, "user", &block_of(ada.id)).await.expect(404);
    stack.get("user", &format!("/v1/users/{}", ada.id)).await.expect(200);
    assert_eq!(follow(&stack, &ada, &eve).await.expect(409).code(), "blocked-by-you");

    let list = ada.get(&stack, "user", "/v1/users/me/blocks").await.expect(200).json;
    assert_eq!(ids(&list), [eve.id]);
    for _ in 0..2 {
        ada.delete(&stack, "user", &block_of(eve.id)).await.expect(204);
    }
    follow(&stack, &eve, &ada).await.expect(202);
    follow(&stack, &ada, &eve).await.expect(204);
    ada.delete(&stack, "user", &block_of(7)).await.expect(404);
}

#[tokio::test]
async fn a_block_takes_back_the_requests_of_both() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    for account in [&ada, &eve] {
        drop(patch(&stack, account, &json!({"follow_policy": "approval"})).await.expect(200));
    }
    follow(&stack, &eve, &ada).await.expect(202);
    follow(&stack, &ada, &eve).await.expect(202);
    block(&stack, &ada, &eve).await.expect(204);
    for account in [&ada, &eve] {
        let requests = account.get(&stack, "user", "/v1/users/me/follow-requests").await.expect(200).json;
        assert_eq!(ids(&requests), [0; 0]);
    }
    eve.get(&stack, "user", &following(ada.id)).await.expect(404);
}

#[tokio::test]
async fn a_block_and_a_follow_at_once_never_leave_a_follow() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    for _ in 0..10 {
        let (followed, blocked) = tokio::join!(follow(&stack, &eve, &ada), block(&stack, &ada, &eve));
        followed.expect(204);
        blocked.expect(204);
        assert_eq!((counts(&stack, ada.id).await, counts(&stack, eve.id).await), ((0, 0), (0, 0)));
        ada.delete(&stack, "user", &block_of(eve.id)).await.expect(204);
    }
}
