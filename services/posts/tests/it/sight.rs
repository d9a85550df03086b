//! Who sees what, on every way to a post.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::support::{at, in_millis, stack, text, write};

async fn get(stack: &Stack, who: Option<&Account>, path: &str) -> Answer {
    match who {
        Some(who) => who.get(stack, "posts", path).await,
        None => stack.get("posts", path).await,
    }
}

fn has(list: &Answer, post: &Value) -> bool {
    assert_eq!(list.status, 200);
    list.json["items"].as_array().unwrap().contains(post)
}

#[tokio::test]
async fn reading_one_listing_and_asking_by_id_agree_on_who_sees_a_post() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let open = write(&stack, &ada, json!({"text": "a", "attributes": {"k": 1}})).await;
    let closed =
        write(&stack, &ada, json!({"text": "b", "attributes": {"k": 1}, "visibility": "followers"})).await;
    let lasting =
        write(&stack, &ada, json!({"text": "c", "attributes": {"k": 1}, "expires_at": in_millis(3_600_000)}));
    let lasting = lasting.await;
    for (post, sight) in [(&open, [true, true, true]), (&closed, [true, false, false]), (&lasting, [true; 3])]
    {
        for (who, sees) in [Some(&ada), Some(&bob), None].into_iter().zip(sight) {
            assert_eq!(get(&stack, who, &at(post)).await.status == 200, sees);
            let id = post["id"].as_str().unwrap();
            for path in [
                format!("?ids={id}"),
                format!("?author_id={}", ada.id),
                "?attributes.k=1".to_owned(),
                format!("?attributes.k=1&author_id={}", ada.id),
            ] {
                let list = get(&stack, who, &format!("/v1/posts{path}")).await;
                assert_eq!(has(&list, post), sees, "{path} {post}");
            }
        }
    }
}

#[tokio::test]
async fn what_one_may_not_see_one_can_neither_change_nor_delete_nor_know() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let closed = write(&stack, &ada, json!({"text": "b", "visibility": "followers"})).await;
    let unknown = json!({"id": "01990000-0000-7000-8000-000000000000"});
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let ask = async |post: &Value| {
            let mut request = bob.request(&stack, method.clone(), "posts", &at(post));
            if method == Method::PATCH {
                request = request.json(&text("x"));
            }
            let mut answer = Answer::of(request).await.expect(404);
            answer.json["request_id"] = Value::Null;
            answer.json
        };
        assert_eq!(ask(&closed).await, ask(&unknown).await, "{method}");
    }
    assert_eq!(ada.get(&stack, "posts", &at(&closed)).await.expect(200).json, closed);
}
