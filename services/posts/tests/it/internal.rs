//! The internal API.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Answer, Stack};

use crate::support::{in_millis, stack, text, texts, write};

async fn ask(stack: &Stack, query: &str) -> Answer {
    let token = stack.service_token("feed").await;
    let url = format!("{}/internal/v1/posts{query}", stack.internal_url("posts"));
    Answer::of(tracklore_testkit::http().request(Method::GET, url).bearer_auth(token)).await
}

#[tokio::test]
async fn the_newest_posts_are_read_whole_page_by_page_whoever_may_see_them() {
    let stack = stack().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let first = write(&stack, &ada, text("1")).await;
    let hidden = write(&stack, &ada, json!({"text": "2", "visibility": "followers"})).await;
    let other = write(&stack, &bob, json!({"text": "3", "expires_at": in_millis(3_600_000)})).await;

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = ask(&stack, &format!("?limit=2{cursor}")).await.expect(200).json;
        seen.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&before={next}");
        write(&stack, &ada, text("meanwhile")).await;
    }
    assert_eq!(seen, [other.clone(), hidden.clone(), first.clone()]);

    let of = async |query: String| ask(&stack, &query).await.expect(200).json;
    assert_eq!(of(format!("?author_id={}", bob.id)).await["items"], json!([other]));
    assert_eq!(
        texts(&of(format!("?author_id={},{}&limit=4", bob.id, ada.id)).await),
        ["meanwhile", "3", "2", "1"]
    );
    assert_eq!(of("?visibility=followers".to_owned()).await["items"], json!([hidden]));
    assert_eq!(of("?author_id=1".to_owned()).await, json!({"items": [], "next_cursor": Value::Null}));
}

#[tokio::test]
async fn posts_that_are_over_are_left_out_and_only_services_may_ask() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let pool = stack.database("posts");
    sqlx::query(
        "INSERT INTO posts VALUES (gen_random_uuid(), 1, 'x', '{}', 'public', now() + '200 ms', 1, now(), now())",
    )
    .execute(&pool)
    .await
    .unwrap();
    tracklore_testkit::eventually("it is left out", async || {
        ask(&stack, "").await.expect(200).json["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    let url = format!("{}/internal/v1/posts", stack.internal_url("posts"));
    let client = tracklore_testkit::http();
    assert_eq!(Answer::of(client.get(&url)).await.expect(401).code(), "token-missing");
    drop(Answer::of(client.get(&url).bearer_auth(&ada.access_token)).await.expect(401));
    drop(Answer::of(ada.request(&stack, Method::GET, "posts", "/internal/v1/posts")).await.expect(404));
    for bad in ["?limit=0", "?limit=501", "?author_id=x", "?before=x", "?colour=red", "?visibility=friends"] {
        assert_eq!(ask(&stack, bad).await.expect(400).code(), "malformed-request", "{bad}");
    }
}
