//! Stands in for the internal APIs of auth, user and posts, where a test decides what they know and when they answer.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracklore_testkit::Stack;

/// Takes connections from the start, and answers once it knows something.
pub struct Neighbour(TcpListener);

/// What it knows; may be changed while it answers.
#[derive(Clone, Default)]
pub struct Knowledge {
    profiles: Arc<Mutex<Vec<Value>>>,
    /// All posts, newest first.
    posts: Arc<Mutex<Vec<Value>>>,
}

#[derive(serde::Deserialize)]
struct Question {
    author_id: Option<i64>,
    visibility: Option<String>,
    limit: usize,
    before: Option<usize>,
}

/// Profiles of users as their first events tell of them: an author is asked for when a post is read before those.
pub fn profiles(authors: &[(i64, &str)]) -> Value {
    let profile = |(id, display_name): &(i64, &str)| json!({"id": id, "username": "name1", "display_name": display_name, "avatar_url": null});
    authors.iter().map(profile).collect()
}

impl Neighbour {
    /// The feed of `stack` will ask this one.
    pub async fn new(stack: &mut Stack) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        for service in ["AUTH", "USER", "POSTS"] {
            stack.set(&format!("TRACKLORE_{service}_INTERNAL_URL"), &url);
        }
        Self(listener)
    }

    /// From now on it answers, and these are all profiles there are.
    pub fn knows(self, profiles: Value) -> Knowledge {
        let knowledge = Knowledge::default();
        let Value::Array(profiles) = profiles else { unreachable!("profiles are a list") };
        knowledge.profiles.lock().unwrap().extend(profiles);
        let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300});
        let router = Router::new()
            .route("/internal/v1/token", post(async move || Json(token)))
            .route("/internal/v1/profiles:batch", post(profiles_of))
            .route("/internal/v1/posts", get(newest))
            .with_state(knowledge.clone());
        tokio::spawn(async move { axum::serve(self.0, router).await });
        knowledge
    }
}

impl Knowledge {
    /// These are all posts there are, newest first.
    pub fn posts(&self, posts: Vec<Value>) {
        *self.posts.lock().unwrap() = posts;
    }
}

async fn profiles_of(State(knowledge): State<Knowledge>, Json(question): Json<Value>) -> Json<Value> {
    let profiles = knowledge.profiles.lock().unwrap();
    let asked = |item: &&Value| question["ids"].as_array().unwrap().contains(&item["id"]);
    Json(json!({"items": profiles.iter().filter(asked).collect::<Vec<_>>()}))
}

async fn newest(State(knowledge): State<Knowledge>, Query(question): Query<Question>) -> Json<Value> {
    let posts = knowledge.posts.lock().unwrap();
    let belongs = |post: &&Value| {
        question.author_id.is_none_or(|author| post["author_id"] == author)
            && question.visibility.as_ref().is_none_or(|visibility| post["visibility"] == *visibility)
    };
    let start = question.before.unwrap_or_default();
    let mut page: Vec<_> = posts.iter().filter(belongs).skip(start).take(question.limit + 1).collect();
    let more = page.len() > question.limit;
    page.truncate(question.limit);
    Json(json!({"items": page, "next_cursor": more.then(|| (start + question.limit).to_string())}))
}
