//! A person with a client, who knows nothing but the stack's one address.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Answer, eventually_within, ledger::Login};

/// A Service may refuse for a moment after its pods became ready.
const SETTLE: Duration = Duration::from_mins(2);
/// How long an event may take to the feed, also after something was killed.
const ARRIVAL: Duration = Duration::from_mins(4);

/// Somebody who signed up.
#[derive(Clone, Debug)]
pub struct Person {
    http: reqwest::Client,
    url: String,
    /// The user id.
    pub id: i64,
    /// The name.
    pub username: String,
    password: String,
    token: String,
}

impl Person {
    /// Signs up at the stack with this address.
    pub async fn sign_up(url: &str, username: &str) -> Self {
        let http =
            tracklore_testkit::http_builder().timeout(Duration::from_secs(15)).build().expect("a client");
        let password = format!("a long enough secret of {username}");
        let body = json!({
            "username": username, "email": format!("{username}@example.org"), "password": password
        });
        let answer = eventually_within(SETTLE, "the gateway lets a person sign up", async || {
            let request = http.post(format!("{url}/v1/auth/signup")).json(&body);
            let answer = Answer::attempt(request).await.ok()?;
            // a sign-up that was cut may have happened
            (answer.status == 201 || answer.status == 409).then_some(answer)
        });
        let mut person = Self {
            url: url.to_owned(),
            id: 0,
            username: username.to_owned(),
            password,
            token: String::new(),
            http: http.clone(),
        };
        let answer = answer.await;
        if answer.status == 409 {
            person.log_in().await;
            person.id =
                person.call(Method::GET, "/v1/auth/me", None).await.json["id"].as_i64().expect("an id");
        } else {
            person.id = answer.json["user"]["id"].as_i64().expect("a user id");
            answer.json["access_token"].as_str().expect("a token").clone_into(&mut person.token);
        }
        person
    }

    /// How this person logs in.
    pub fn login(&self) -> Login {
        let Self { id, username, password, token, .. } = self.clone();
        Login { id, username, password, token }
    }

    /// Logs in again, for a token that wasn't signed five minutes ago.
    pub async fn log_in(&mut self) {
        let body = json!({"login": self.username, "password": self.password});
        let answer = eventually_within(SETTLE, "a person can log in", async || {
            let answer = Answer::attempt(self.http.post(format!("{}/v1/auth/login", self.url)).json(&body))
                .await
                .ok()?;
            (answer.status == 200).then_some(answer)
        });
        answer.await.json["access_token"].as_str().expect("a token").clone_into(&mut self.token);
    }

    /// Somebody else who has signed up with the password that [`Person::sign_up`] gives.
    #[must_use]
    pub fn named(&self, username: &str, id: i64) -> Self {
        Self {
            username: username.to_owned(),
            id,
            password: format!("a long enough secret of {username}"),
            token: String::new(),
            ..self.clone()
        }
    }

    /// The same person at another stack's address.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// The same person with a client that opens a connection for each request.
    #[must_use]
    pub fn with_new_connections(&self) -> Self {
        let http =
            tracklore_testkit::http_builder().timeout(Duration::from_secs(15)).pool_max_idle_per_host(0);
        Self { http: http.build().expect("a client"), ..self.clone() }
    }

    /// A request with this person's token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// A request of nobody.
    pub fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Calls and reads the answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path);
        Answer::of(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// Posts, trying again while something is down: under one key, so that it is posted once. The post's id.
    pub async fn post(&mut self, text: &str) -> String {
        let key = format!("{:016x}", rand::random::<u64>());
        let body = json!({"text": text});
        let what = format!("{text:?} is posted");
        let mut expired = false;
        let answer = eventually_within(ARRIVAL, &what, async || {
            if std::mem::take(&mut expired) {
                self.log_in().await;
            }
            let request = self.request(Method::POST, "/v1/posts").header("idempotency-key", &key).json(&body);
            let answer = Answer::attempt(request).await.ok()?;
            expired = answer.status == 401;
            (answer.status == 201).then_some(answer)
        });
        answer.await.json["id"].as_str().expect("a post id").to_owned()
    }

    /// Waits until the activities of a feed satisfy `condition`.
    pub async fn feed(&self, path: &str, what: &str, condition: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        eventually_within(ARRIVAL, &format!("the feed {path} shows {what}"), async || {
            let answer = Answer::attempt(self.anonymous(Method::GET, path)).await.ok()?;
            let items = answer.json.get("items")?.as_array()?.clone();
            condition(&items).then_some(items)
        })
        .await
    }
}
