//! Stands in for auth's and user's internal APIs, where a test decides what they know and when they answer.

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracklore_testkit::Stack;

/// Takes connections from the start, and answers once it knows something.
pub struct Neighbour(TcpListener);

impl Neighbour {
    /// The feed of `stack` will ask this one.
    pub async fn new(stack: &mut Stack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        stack.set("TRACKLORE_AUTH_INTERNAL_URL", &url);
        stack.set("TRACKLORE_USER_INTERNAL_URL", &url);
        Self(listener)
    }

    /// From now on it answers, and these are all profiles there are.
    pub fn knows(self, profiles: Value) {
        let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300});
        let answer = async move |Json(question): Json<Value>| {
            let asked = |item: &&Value| question["ids"].as_array().unwrap().contains(&item["id"]);
            let items: Vec<_> = profiles.as_array().unwrap().iter().filter(asked).cloned().collect();
            Json(json!({"items": items}))
        };
        let router = Router::new()
            .route("/internal/v1/token", post(async move || Json(token)))
            .route("/internal/v1/profiles:batch", post(answer));
        tokio::spawn(async move { axum::serve(self.0, router).await });
    }
}
