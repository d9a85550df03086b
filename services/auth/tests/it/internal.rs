//! The internal port: service tokens and references to accounts.

use serde_json::{Value, json};
use tracklore_testkit::{Answer, Stack};

use crate::auth;

struct Internal<'a>(&'a Stack, String);

impl Internal<'_> {
    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(reqwest::Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(reqwest::Method::POST, path).json(body)).await
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        tracklore_testkit::http()
            .request(method, format!("{}{path}", self.0.internal_url("auth")))
            .bearer_auth(&self.1)
    }
}

#[tokio::test]
async fn services_find_accounts_by_id_by_name_and_many_at_once() {
    let stack = auth().await;
    let (ada, bob) = (stack.sign_up("Ada").await, stack.sign_up("bob").await);
    let internal = Internal(&stack, stack.service_token("user").await);

    let one = internal.get(&format!("/internal/v1/users/{}", ada.id)).await.expect(200).json;
    assert_eq!(
        (one["id"].as_i64(), one["username"].as_str(), one["status"].as_str()),
        (Some(ada.id), Some("Ada"), Some("active"))
    );
    assert!(one["created_at"].is_string() && one.get("email").is_none());
    assert_eq!(
        internal.get("/internal/v1/users?username=aDA").await.expect(200).json,
        json!({"items": [one]})
    );
    assert_eq!(internal.get("/internal/v1/users?username=x").await.expect(200).json, json!({"items": []}));

    let batch =
        internal.post("/internal/v1/users:batch", &json!({"ids": [bob.id, 7, ada.id]})).await.expect(200);
    let ids: Vec<_> =
        batch.json["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64()).collect();
    assert_eq!(ids, [Some(ada.id), Some(bob.id)]);

    for missing in ["7", "0", "x", "9007199254740992"] {
        assert_eq!(
            internal.get(&format!("/internal/v1/users/{missing}")).await.expect(404).code(),
            "not-found"
        );
    }
    let many: Vec<_> = (1..=101).collect();
    internal.post("/internal/v1/users:batch", &json!({"ids": many})).await.expect(422);
    internal.get("/internal/v1/users").await.expect(400);
    internal.post("/internal/v1/users:batch", &json!({"ids": [0]})).await.expect(400);
}

#[tokio::test]
async fn nobody_but_services_is_answered() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    for token in [ada.access_token.as_str(), "garbage"] {
        let internal = Internal(&stack, token.to_owned());
        internal.get(&format!("/internal/v1/users/{}", ada.id)).await.expect(401);
        internal.get("/internal/v1/users?username=ada").await.expect(401);
        internal.post("/internal/v1/users:batch", &json!({"ids": []})).await.expect(401);
        for (id, secret) in [("user", "wrong"), ("nobody", "client-secret-of-user-in-tests"), ("", "")] {
            let body = json!({"client_id": id, "client_secret": secret});
            assert_eq!(internal.post("/internal/v1/token", &body).await.expect(401).code(), "invalid-client");
        }
    }
    // and the public port knows nothing of it
    stack.get("auth", "/internal/v1/users?username=ada").await.expect(404);
}
