//! Moderators.

use serde_json::{Value, json};
use tracklore_testkit::eventually;

use crate::support::{at, events_of, stack, text, write};

#[tokio::test]
async fn a_moderator_deletes_anybodys_posts_and_changes_none() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let moderator = stack.with_scope(&bob, "badges:admin posts:moderate");
    let open = write(&stack, &ada, text("One")).await;
    let closed = write(&stack, &ada, json!({"text": "Two", "visibility": "followers"})).await;
    drop(bob.delete(&stack, "posts", &at(&open)).await.expect(403));
    drop(moderator.patch(&stack, "posts", &at(&open), &text("Mine")).await.expect(403));
    for post in [&open, &closed] {
        drop(moderator.delete(&stack, "posts", &at(post)).await.expect(204));
        let last = eventually("it is told", async || events_of(&stack, post).await.into_iter().nth(1)).await;
        assert_eq!(last.payload::<Value>().unwrap()["reason"], "moderated");
    }
}
