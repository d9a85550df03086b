//! Where requests go: one address of a gateway, or each service's own.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::Answer;

/// The base URLs of the services, and a client.
#[derive(Clone, Debug)]
pub struct Door {
    /// The client.
    pub http: Client,
    /// Of auth.
    pub auth: String,
    /// Of posts.
    pub posts: String,
    /// Of feed.
    pub feed: String,
}

/// How somebody who has signed up logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user id.
    pub id: i64,
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
    /// The present access token.
    pub token: String,
}

impl Door {
    /// All services behind one address.
    pub fn gateway(url: &str) -> Self {
        let url = url.to_owned();
        Self { http: crate::http(), auth: url.clone(), posts: url.clone(), feed: url }
    }

    /// A request to posts; `path` goes on from `/v1/posts`.
    pub(crate) fn posts(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/posts{path}", self.posts))
    }

    /// A reading request of nobody to feed.
    pub(crate) fn feed(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.feed))
    }

    /// An access token, unless auth is away.
    pub(crate) async fn log_in(&self, login: &Login) -> Option<String> {
        let body = json!({"login": login.username, "password": login.password});
        let request = self.http.post(format!("{}/v1/auth/login", self.auth)).timeout(super::writer::PATIENCE);
        let answer = Answer::attempt(request.json(&body)).await.ok()?;
        answer.json.get("access_token").and_then(Value::as_str).map(str::to_owned)
    }
}
