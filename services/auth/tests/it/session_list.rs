//! One's sessions: seeing and ending them.

use serde_json::Value;
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::{auth, ended, items, log_in, refresh, session_of, text, verify};

async fn another(stack: &Stack, account: &Account, user_agent: &str) -> Account {
    let body = serde_json::json!({"login": account.username, "password": account.password});
    let request = stack.request(reqwest::Method::POST, "auth", "/v1/auth/login").json(&body);
    let pair = Answer::of(request.header("user-agent", user_agent)).await.expect(200);
    Account {
        access_token: text(&pair, "access_token"),
        refresh_token: text(&pair, "refresh_token"),
        ..account.clone()
    }
}

async fn ids(stack: &Stack, account: &Account, query: &str) -> Vec<String> {
    let list = account.get(stack, "auth", &format!("/v1/auth/sessions{query}")).await.expect(200);
    items(&list).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn sessions_are_listed_newest_first_page_by_page_with_their_devices() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let phone = another(&stack, &ada, "Phone/1.0").await;
    stack.sign_up("bob").await;

    let list = phone.get(&stack, "auth", "/v1/auth/sessions").await.expect(200).json;
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &list["next_cursor"]), (2, &Value::Null));
    assert_eq!(
        (items[0]["user_agent"].as_str(), items[0]["current"].as_bool()),
        (Some("Phone/1.0"), Some(true))
    );
    assert_eq!(items[0]["id"].as_str(), Some(session_of(&stack, &phone).await.as_str()));
    assert_eq!((items[1]["user_agent"].as_str(), items[1]["current"].as_bool()), (None, Some(false)));
    assert!(items.iter().all(|item| item["ip"] == "127.0.0.1"));
    assert!(items.iter().all(|item| item["created_at"].is_string() && item["last_used_at"].is_string()));

    let first = phone.get(&stack, "auth", "/v1/auth/sessions?limit=1").await.expect(200);
    let second = format!("?limit=1&cursor={}", text(&first, "next_cursor"));
    assert_eq!(ids(&stack, &phone, &second).await, [session_of(&stack, &ada).await]);
    for bad in ["?limit=0", "?limit=101", "?cursor=x", "?page=2"] {
        let path = format!("/v1/auth/sessions{bad}");
        assert_eq!(phone.get(&stack, "auth", &path).await.expect(400).code(), "malformed-request");
    }
    stack.get("auth", "/v1/auth/sessions").await.expect(401);
}

#[tokio::test]
async fn a_session_ended_from_the_list_is_refused_at_once_and_published() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let phone = another(&stack, &ada, "Phone/1.0").await;
    let lost = session_of(&stack, &phone).await;
    let path = format!("/v1/auth/sessions/{lost}");

    let bob = stack.sign_up("bob").await;
    assert_eq!(bob.delete(&stack, "auth", &path).await.expect(404).code(), "not-found");
    verify(&stack, &phone.access_token).await.expect(200);

    ada.delete(&stack, "auth", &path).await.expect(204);
    verify(&stack, &phone.access_token).await.expect(401);
    refresh(&stack, &phone.refresh_token).await.expect(401);
    verify(&stack, &ada.access_token).await.expect(200);
    assert_eq!(ids(&stack, &ada, "").await, [session_of(&stack, &ada).await]);
    stack.record("session-events", |record| record.key == lost.as_bytes()).await;
    assert_eq!(ended(&stack).await, [(lost, "ended-by-user".to_owned())]);

    for gone in [path.as_str(), "/v1/auth/sessions/x"] {
        ada.delete(&stack, "auth", gone).await.expect(404);
    }
    let own = format!("/v1/auth/sessions/{}", session_of(&stack, &ada).await);
    ada.delete(&stack, "auth", &own).await.expect(204);
    verify(&stack, &ada.access_token).await.expect(401);
}

#[tokio::test]
async fn all_other_sessions_end_together_and_the_one_that_asks_lives_on() {
    let stack = auth().await;
    let (ada, bob) = (stack.sign_up("ada").await, stack.sign_up("bob").await);
    let others = [another(&stack, &ada, "a").await, another(&stack, &ada, "b").await];
    others[0].delete(&stack, "auth", "/v1/auth/sessions").await.expect(204);

    let mut expected = Vec::new();
    for (account, status) in [(&others[0], 200), (&others[1], 401), (&ada, 401), (&bob, 200)] {
        verify(&stack, &account.access_token).await.expect(status);
    }
    for gone in
        eventually("both are published", async || Some(ended(&stack).await).filter(|e| e.len() == 2)).await
    {
        assert_eq!(gone.1, "ended-by-user");
        expected.push(gone.0);
    }
    expected.dedup();
    assert_eq!(expected.len(), 2);
    log_in(&stack, "ada", &ada.password).await.expect(200);
}
