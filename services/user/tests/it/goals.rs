//! Learning goals.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::{history, history_of, payload, stack};

const GOALS: &str = "/v1/users/me/goals";

async fn create(stack: &Stack, account: &Account, body: &Value) -> Value {
    account.post(stack, "user", GOALS, body).await.expect(201).json
}

fn path(goal: &Value) -> String {
    format!("{GOALS}/{}", goal["id"].as_str().unwrap())
}

fn titles(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|goal| goal["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_goal_is_private_until_it_is_made_public() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    let body = json!({"title": "Engines", "description": "All of\nthem", "target_date": "2027-06-30"});
    let created = ada.post(&stack, "user", GOALS, &body).await.expect(201);
    let goal = &created.json;
    assert_eq!((created.header("location"), goal["status"].as_str()), (&*path(goal), Some("active")));
    assert_eq!((&goal["visibility"], &goal["progress"]), (&json!("private"), &json!(0)));
    let read = ada.get(&stack, "user", &path(goal)).await.expect(200);
    assert_eq!((&read.json, read.header("etag")), (goal, created.header("etag")));

    let public = format!("/v1/users/{}/goals", ada.id);
    assert_eq!(stack.get("user", &public).await.expect(200).json["items"], json!([]));
    assert_eq!(eve.get(&stack, "user", &path(goal)).await.expect(404).code(), "not-found");
    eve.patch(&stack, "user", &path(goal), &json!({"title": "Mine"})).await.expect(404);
    eve.delete(&stack, "user", &path(goal)).await.expect(404);
    let shown = ada.patch(&stack, "user", &path(goal), &json!({"visibility": "public"})).await.expect(200);
    assert_eq!(stack.get("user", &public).await.expect(200).json["items"], json!([shown.json]));
    assert_eq!(ada.get(&stack, "user", &public).await.expect(200).json["items"], json!([shown.json]));
    stack.get("user", "/v1/users/7/goals").await.expect(404);
}

#[tokio::test]
async fn completing_is_for_good_and_told_with_the_title_only_when_public() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let goal = create(&stack, &ada, &json!({"title": "Engines", "progress": 40})).await;
    let change = async |body: Value| ada.patch(&stack, "user", &path(&goal), &body).await;
    assert_eq!(change(json!({"status": "abandoned"})).await.expect(200).json["progress"], 40);
    assert_eq!(change(json!({"status": "completed"})).await.expect(409).code(), "goal-transition");
    change(json!({"status": "active", "progress": 60})).await.expect(200);
    for _ in 0..2 {
        let done = change(json!({"status": "completed"})).await.expect(200).json;
        assert_eq!((&done["progress"], &done["status"]), (&json!(100), &json!("completed")));
        assert_eq!(done["completed_at"], done["updated_at"]);
    }
    assert_eq!(change(json!({"status": "active"})).await.expect(409).code(), "goal-transition");
    change(json!({"visibility": "public"})).await.expect(200);

    let key = format!("{}:{}", ada.id, goal["id"].as_str().unwrap());
    let told: Vec<_> = (1..=2).map(|sequence| ("goal.completed.v1".to_owned(), sequence)).collect();
    assert_eq!(history_of(&stack, &key, 2).await, told);
    let records = stack.records("profile-events").await;
    let titles: Vec<_> = records.iter().map(|record| payload(record)["title"].clone()).collect();
    assert_eq!(titles, [Value::Null, json!("Engines")]);

    // a goal that goes leaves nothing in the compacted topic
    ada.delete(&stack, "user", &path(&goal)).await.expect(204);
    ada.delete(&stack, "user", &path(&goal)).await.expect(404);
    let gone = stack.record("profile-events", |record| record.value.is_none()).await;
    assert_eq!(gone.key, key.as_bytes());
    let never_told = create(&stack, &ada, &json!({"title": "Quiet"})).await;
    ada.delete(&stack, "user", &path(&never_told)).await.expect(204);
    let key = format!("{}:{}", ada.id, never_told["id"].as_str().unwrap());
    assert!(history(&stack, &key).await.is_empty());
}

#[tokio::test]
async fn the_same_request_again_makes_no_second_goal() {
    let stack = stack().await;
    let (ada, eve) = (stack.sign_up("ada").await, stack.sign_up("eve").await);
    let post = |account: &Account, title: &str| {
        let request = account.request(&stack, Method::POST, "user", GOALS).header("idempotency-key", "k-1");
        Answer::of(request.json(&json!({"title": title})))
    };
    let first = post(&ada, "Engines").await.expect(201);
    let again = post(&ada, "Engines").await.expect(201);
    assert_eq!((&first.json, first.header("location")), (&again.json, again.header("location")));
    assert_eq!(post(&ada, "Others").await.expect(422).code(), "idempotency-key-reused");
    assert_ne!(post(&eve, "Engines").await.expect(201).json["id"], first.json["id"]);
    let own = ada.get(&stack, "user", GOALS).await.expect(200).json;
    assert_eq!(titles(&own), ["Engines"]);

    let many = |key: &'static str| {
        let request = ada.request(&stack, Method::POST, "user", GOALS).header("idempotency-key", key);
        Answer::of(request.json(&json!({"title": "At once"})))
    };
    let answers: [Answer; 3] = tokio::join!(many("k-2"), many("k-2"), many("k-2")).into();
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.code() == "idempotency-key-in-use"));
    assert_eq!(titles(&ada.get(&stack, "user", GOALS).await.json), ["At once", "Engines"]);
}

#[tokio::test]
async fn goals_are_listed_newest_first_and_changed_under_etags() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let mut goals = Vec::new();
    for title in ["one", "two", "three"] {
        goals.push(create(&stack, &ada, &json!({"title": title})).await);
    }
    let first = ada.get(&stack, "user", &format!("{GOALS}?limit=2")).await.expect(200).json;
    assert_eq!(titles(&first), ["three", "two"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = ada.get(&stack, "user", &format!("{GOALS}?cursor={cursor}")).await.expect(200).json;
    assert_eq!((titles(&rest), &rest["next_cursor"]), (vec!["one"], &Value::Null));

    let goal = path(&goals[0]);
    let tag = ada.get(&stack, "user", &goal).await.header("etag").to_owned();
    let call = |method: Method, tag: &str| ada.request(&stack, method, "user", &goal).header("if-match", tag);
    Answer::of(call(Method::PATCH, &tag).json(&json!({"progress": 5}))).await.expect(200);
    let late = Answer::of(call(Method::PATCH, &tag).json(&json!({"progress": 6}))).await.expect(412);
    assert_eq!(late.code(), "precondition-failed");
    Answer::of(call(Method::DELETE, &tag)).await.expect(412);
    Answer::of(call(Method::DELETE, "*")).await.expect(204);
}

#[tokio::test]
async fn bad_goals_are_refused_with_all_that_is_wrong() {
    let stack = stack().await;
    let ada = stack.sign_up("ada").await;
    let bad = json!({"title": "", "target_date": "soon", "progress": 101, "visibility": "friends"});
    let refused = ada.post(&stack, "user", GOALS, &bad).await.expect(422);
    let pointers: Vec<_> = refused.json["errors"].as_array().unwrap().iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/title", "/target_date", "/progress", "/visibility"]);
    let goal = create(&stack, &ada, &json!({"title": "Engines"})).await;
    let refused = ada.patch(&stack, "user", &path(&goal), &json!({"status": "done"})).await.expect(422);
    assert_eq!(refused.json["errors"][0]["pointer"], "/status");
    for malformed in [
        json!({}),
        json!({"title": 1}),
        json!({"title": "T", "progress": 1.5}),
        json!({"title": "T", "status": "completed"}),
        json!({"title": "T", "more": 1}),
    ] {
        let refused = ada.post(&stack, "user", GOALS, &malformed).await.expect(400);
        assert_eq!(refused.code(), "malformed-request", "{malformed}");
    }
    for id in ["x", "7", "0197a000-0000-7000-8000-000000000000"] {
        ada.get(&stack, "user", &format!("{GOALS}/{id}")).await.expect(404);
    }
}
