//! A person with a client: signs up, calls the services, reads the answers.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;

use crate::Stack;

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status as a number.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body; null when it is empty, a text when it is no JSON.
    pub json: Value,
}

/// A signed-up person.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user id.
    pub id: i64,
    /// The name signed up with.
    pub username: String,
    /// The password signed up with.
    pub password: String,
    /// The present access token.
    pub access_token: String,
    /// The present refresh token.
    pub refresh_token: String,
}

impl Answer {
    /// Sends a request and reads the answer.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::attempt(request).await.expect("an answer")
    }

    /// Sends a request and reads the answer, if the connection holds so long.
    pub async fn attempt(request: reqwest::RequestBuilder) -> Result<Self, reqwest::Error> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await?;
        let json = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()))
        };
        Ok(Self { status, headers, json })
    }

    /// The problem's code, or nothing.
    pub fn code(&self) -> &str {
        self.json.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// This answer, if its status is `status`; else the test fails and shows it.
    #[expect(clippy::return_self_not_must_use, reason = "asserting the status is use enough")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status,
            status,
            "{} {:#}",
            StatusCode::from_u16(self.status).expect("a status"),
            self.json
        );
        self
    }
}

impl Account {
    /// A request of this person to a service's public port.
    pub fn request(
        &self,
        stack: &Stack,
        method: Method,
        service: &str,
        path: &str,
    ) -> reqwest::RequestBuilder {
        stack.request(method, service, path).bearer_auth(&self.access_token)
    }

    /// GET.
    pub async fn get(&self, stack: &Stack, service: &str, path: &str) -> Answer {
        Answer::of(self.request(stack, Method::GET, service, path)).await
    }

    /// POST of JSON.
    pub async fn post(&self, stack: &Stack, service: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(stack, Method::POST, service, path).json(body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, stack: &Stack, service: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(stack, Method::PATCH, service, path).json(body)).await
    }

    /// PUT without a body.
    pub async fn put(&self, stack: &Stack, service: &str, path: &str) -> Answer {
        Answer::of(self.request(stack, Method::PUT, service, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, stack: &Stack, service: &str, path: &str) -> Answer {
        Answer::of(self.request(stack, Method::DELETE, service, path)).await
    }
}

impl Stack {
    /// A request of nobody to a service's public port.
    pub fn request(&self, method: Method, service: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.public_url(service)))
    }

    /// GET by nobody.
    pub async fn get(&self, service: &str, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, service, path)).await
    }

    /// POST of JSON by nobody.
    pub async fn post(&self, service: &str, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, service, path).json(body)).await
    }

    /// Signs up a new person at auth, which must run.
    pub async fn sign_up(&self, username: &str) -> Account {
        let password = format!("a long enough secret of {username}");
        let body = serde_json::json!({
            "username": username, "email": format!("{username}@example.org"), "password": password
        });
        let answer = self.post("auth", "/v1/auth/signup", &body).await.expect(201);
        let text =
            |pointer: &str| answer.json.pointer(pointer).and_then(Value::as_str).expect("text").to_owned();
        Account {
            id: answer.json.pointer("/user/id").and_then(Value::as_i64).expect("a user id"),
            username: username.to_owned(),
            password,
            access_token: text("/access_token"),
            refresh_token: text("/refresh_token"),
        }
    }

    /// A service token of `client` (`user`, `posts` or `feed`), for internal ports.
    pub async fn service_token(&self, client: &str) -> String {
        let body =
            serde_json::json!({"client_id": client, "client_secret": crate::stack::client_secret(client)});
        let url = format!("{}/internal/v1/token", self.internal_url("auth"));
        let answer = Answer::of(self.http.post(url).json(&body)).await.expect(200);
        answer.json.get("access_token").and_then(Value::as_str).expect("a token").to_owned()
    }
}
