//! Accounts under the worst: sessions that end, processes that are killed while people sign up.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracklore_e2e::{Person, TestStack};
use tracklore_testkit::{Answer, eventually_within};

use crate::{client, name, shared_stack};

/// How many sign up while auth and user are killed; each costs a password hash.
const SIGN_UPS: usize = 200;
/// How many at a time.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn whoever_was_told_that_they_signed_up_can_log_in_whatever_was_killed() {
    let client = client().await;
    let stack = TestStack::namespace(&client, "signups").await;
    let mut spec = stack.spec();
    // all of them come from this machine
    spec["services"]["auth"]["env"] = json!([{"name": "TRACKLORE_SIGNUPS_PER_ADDRESS", "value": "100000"}]);
    stack.apply(&client, &spec).await.unwrap();
    stack.wait_until_ready(&client).await;
    let url = Arc::new(stack.url(&client).await);
    let first = Person::sign_up(&url, &name("first")).await;

    let kills = async {
        for component in ["auth", "user", "auth"] {
            stack.kill(&client, component).await;
        }
    };
    let ((), told) = tokio::join!(kills, sign_up_many(&url));
    println!("{} of {SIGN_UPS} were told that they signed up", told.len());
    assert!(told.len() > SIGN_UPS / 4, "too few to say anything: {}", told.len());

    for (username, id) in told {
        let mut person = first.named(&username, id);
        person.log_in().await;
        // the user service knows each by its event, once, under the id that auth gave
        let found = eventually_within(Duration::from_mins(2), &format!("{username} is known"), async || {
            let path = format!("/v1/users?username={username}");
            let answer = Answer::attempt(first.anonymous(Method::GET, &path)).await.ok()?;
            let items = answer.json["items"].as_array()?.clone();
            (!items.is_empty()).then_some(items)
        })
        .await;
        assert_eq!(found.iter().map(|item| item["id"].clone()).collect::<Vec<_>>(), [json!(id)]);
    }
    stack.discard(&client).await;
}

/// Names and ids of those who got an answer.
async fn sign_up_many(url: &Arc<String>) -> Vec<(String, i64)> {
    let http = tracklore_testkit::http_builder().timeout(Duration::from_secs(15)).build().unwrap();
    let run = name("crowd");
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut crowd = JoinSet::new();
    for number in 0..SIGN_UPS {
        let (http, url, places) = (http.clone(), Arc::clone(url), Arc::clone(&places));
        let username = format!("{run}-{number}");
        crowd.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let body = json!({
                "username": username, "email": format!("{username}@example.org"),
                "password": format!("a long enough secret of {username}")
            });
            let request = http.post(format!("{url}/v1/auth/signup")).json(&body);
            let answer = Answer::attempt(request).await.ok().filter(|answer| answer.status == 201)?;
            Some((username, answer.json.pointer("/user/id")?.as_i64()?))
        });
    }
    crowd.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_session_that_ends_is_refused_by_every_service_within_a_second() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let gus = Person::sign_up(&url, &name("gus")).await;
    let mut elsewhere = gus.clone();
    elsewhere.log_in().await;
    let current = |sessions: &Value| {
        let items = sessions["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|session| session["current"] == json!(true)).unwrap()["id"].clone()
    };
    let session = current(&elsewhere.call(Method::GET, "/v1/auth/sessions", None).await.expect(200).json);
    let path = format!("/v1/auth/sessions/{}", session.as_str().unwrap());
    let _ = gus.call(Method::DELETE, &path, None).await.expect(204);

    let refused = async |path: &str| {
        eventually_within(Duration::from_secs(1), &format!("{path} refuses the session"), async || {
            let answer = Answer::attempt(elsewhere.request(Method::GET, path)).await.ok()?;
            (answer.status == 401).then_some(())
        })
        .await;
    };
    let nobody = "/v1/posts?author_id=1";
    tokio::join!(
        refused("/v1/auth/me"),
        refused("/v1/users/me"),
        refused(nobody),
        refused("/v1/feed/global")
    );
    let _ = gus.call(Method::GET, "/v1/users/me", None).await.expect(200);
}

#[tokio::test]
async fn followers_see_what_is_for_followers_and_nobody_else_does() {
    let client = client().await;
    let url = shared_stack(&client).await.url(&client).await;
    let ida = Person::sign_up(&url, &name("ida")).await;
    let friend = Person::sign_up(&url, &name("friend")).await;
    let stranger = Person::sign_up(&url, &name("stranger")).await;
    let follow = format!("/v1/users/me/following/{}", ida.id);
    let _ = friend.call(Method::PUT, &follow, None).await.expect(204);

    let body = json!({"text": "for those who follow me", "visibility": "followers"});
    let post = ida.call(Method::POST, "/v1/posts", Some(&body)).await.expect(201).json["id"].clone();
    let address = format!("/v1/posts/{}", post.as_str().unwrap());
    let shown = |answer: &Answer| {
        answer.json["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["post"]["id"] == post))
    };
    eventually_within(Duration::from_mins(1), "the friend's home shows the post", async || {
        let answer = Answer::attempt(friend.request(Method::GET, "/v1/feed/home")).await.ok()?;
        shown(&answer).then_some(())
    })
    .await;
    eventually_within(Duration::from_mins(1), "the friend reads the post", async || {
        let answer = Answer::attempt(friend.request(Method::GET, &address)).await.ok()?;
        (answer.status == 200).then_some(())
    })
    .await;
    let _ = stranger.call(Method::GET, &address, None).await.expect(404);
    for path in ["/v1/feed/home", "/v1/feed/global"] {
        assert!(
            !shown(&stranger.call(Method::GET, path, None).await.expect(200)),
            "{path} shows it to a stranger"
        );
    }
}
