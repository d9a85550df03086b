//! Several people who use all services while something changes: no request of theirs fails, and what they posted is there, word
//! for word.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::seq::IndexedRandom;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::interval;
use tracklore_testkit::Answer;

use crate::Person;

/// How many they are.
const SIZE: usize = 4;
/// Of how many posts one request may ask.
const MAX_IDS: usize = 100;

/// Several people, and what was acknowledged of their posts.
#[derive(Debug)]
pub struct Crowd(Vec<Member>);

/// One of them.
#[derive(Debug)]
struct Member {
    person: Person,
    posts: Vec<Post>,
    asked: usize,
    failed: Vec<String>,
}

/// A post as it was acknowledged.
#[derive(Clone, Debug)]
struct Post {
    id: String,
    text: String,
}

impl Crowd {
    /// They sign up, with names that begin so, and each writes something.
    pub async fn sign_up(url: &str, name: &str) -> Self {
        let people = (0..SIZE).map(async |number| {
            let mut person = Person::sign_up(url, &format!("{name}-{number}")).await.with_new_connections();
            let text = words();
            let post = Post { id: person.post(&text).await, text };
            Member { person, posts: vec![post], asked: 0, failed: Vec::new() }
        });
        Self(futures::future::join_all(people).await)
    }

    /// They ask all services while something changes, and at the end for all that they ever posted. Fails the test with those
    /// requests that failed, or when there were too few to tell.
    pub async fn while_it(&mut self, changes: &str, change: impl Future<Output = ()>) {
        for member in &mut self.0 {
            // a token lives for minutes
            member.person.log_in().await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let ask = |mut member: Member| {
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                member.ask_until(&stop).await;
                member.read_everything().await;
                member
            })
        };
        let members: Vec<_> = self.0.drain(..).map(ask).collect();
        change.await;
        stop.store(true, Ordering::Relaxed);
        let (mut asked, mut failed) = (0, Vec::new());
        for member in members {
            let mut member = member.await.expect("who asks doesn't panic");
            asked += std::mem::take(&mut member.asked);
            failed.append(&mut member.failed);
            self.0.push(member);
        }
        let posts: usize = self.0.iter().map(|member| member.posts.len()).sum();
        println!("{asked} requests while {changes}, {} failed; {posts} posts", failed.len());
        assert!(failed.is_empty(), "of {asked} requests while {changes}: {failed:#?}");
        assert!(asked > 200, "only {asked} requests while {changes}");
    }
}

impl Member {
    async fn ask_until(&mut self, stop: &AtomicBool) {
        // A pace at which all of them leave the machine room to start pods.
        let mut pace = interval(Duration::from_millis(50));
        for turn in 0_usize.. {
            pace.tick().await;
            if stop.load(Ordering::Relaxed) {
                return;
            }
            match turn % 8 {
                0 => self.write().await,
                1 => self.read(self.posts.last().cloned()).await,
                2 | 5 => self.read(self.any_post()).await,
                3 => self.change().await,
                4 => self.get("/v1/feed/global").await,
                6 => self.get("/v1/users/me").await,
                _ => self.get("/v1/auth/me").await,
            }
        }
    }

    fn any_post(&self) -> Option<Post> {
        self.posts.choose(&mut rand::rng()).cloned()
    }

    async fn get(&mut self, path: &str) {
        drop(self.call(&format!("GET {path}"), self.person.request(Method::GET, path)).await);
    }

    async fn write(&mut self) {
        let text = words();
        let request = self.person.request(Method::POST, "/v1/posts").json(&json!({"text": text}));
        let Some(answer) = self.call("POST /v1/posts", request).await else { return };
        let Some(id) = answer["id"].as_str() else { return self.failed.push(format!("no id: {answer}")) };
        self.posts.push(Post { id: id.to_owned(), text });
    }

    /// Changes a post, perhaps one that another version wrote.
    async fn change(&mut self) {
        let Some(Post { id, .. }) = self.any_post() else { return };
        let (path, text) = (format!("/v1/posts/{id}"), words());
        let request = self.person.request(Method::PATCH, &path).json(&json!({"text": text}));
        if self.call(&format!("PATCH {path}"), request).await.is_some() {
            self.posts.iter_mut().filter(|post| post.id == id).for_each(|post| post.text.clone_from(&text));
        }
    }

    async fn read(&mut self, post: Option<Post>) {
        let Some(post) = post else { return };
        let path = format!("/v1/posts/{}", post.id);
        let request = self.person.request(Method::GET, &path);
        if let Some(answer) = self.call(&format!("GET {path}"), request).await {
            self.compare(&post, Some(&answer));
        }
    }

    async fn read_everything(&mut self) {
        for some in self.posts.clone().chunks(MAX_IDS) {
            let ids: Vec<_> = some.iter().map(|post| post.id.as_str()).collect();
            let request = self.person.request(Method::GET, &format!("/v1/posts?ids={}", ids.join(",")));
            let Some(answer) = self.call("GET /v1/posts?ids=…", request).await else { continue };
            let found = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            for post in some {
                self.compare(post, found.iter().find(|item| item["id"] == json!(post.id)));
            }
        }
    }

    fn compare(&mut self, post: &Post, found: Option<&Value>) {
        let said = found.and_then(|found| found["text"].as_str());
        if said != Some(&post.text) {
            self.failed.push(format!("post {} says {said:?} instead of {:?}", post.id, post.text));
        }
    }

    /// The answer, when the request succeeds.
    async fn call(&mut self, what: &str, request: RequestBuilder) -> Option<Value> {
        self.asked += 1;
        match Answer::attempt(request).await {
            Ok(answer) if answer.status < 300 => return Some(answer.json),
            Ok(answer) => self.failed.push(format!("{what}: {} {}", answer.status, answer.json)),
            Err(error) => self.failed.push(format!("{what}: {:?}", error.without_url())),
        }
        None
    }
}

/// What nothing else says.
fn words() -> String {
    format!("words {:016x}", rand::random::<u64>())
}
