//! The catalogue of badges, and who has which.

use reqwest::Method;
use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::{history, history_of, payload, stack};

const BADGES: &str = "/v1/badges";

/// Somebody who may make badges.
pub async fn admin(stack: &Stack) -> Account {
    let account = stack.sign_up("admin").await;
    stack.with_scope(&account, "badges:admin")
}

pub async fn create(stack: &Stack, admin: &Account, slug: &str) -> Answer {
    admin.post(stack, "user", BADGES, &json!({"slug": slug, "name": format!("Badge {slug}")})).await
}

pub async fn award(stack: &Stack, admin: &Account, id: i64, slug: &str, reason: &str) -> Answer {
    let request = admin.request(stack, Method::PUT, "user", &format!("/v1/users/{id}/badges/{slug}"));
    Answer::of(request.json(&json!({"reason": reason}))).await
}

fn slugs(page: &Value, pointer: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_catalogue_is_everybodys_to_read_and_the_administrators_to_change() {
    let stack = stack().await;
    let (admin, ada) = (admin(&stack).await, stack.sign_up("ada").await);
    for slug in ["second", "first", "third"] {
        create(&stack, &admin, slug).await.expect(201);
    }
    assert_eq!(create(&stack, &admin, "first").await.expect(409).code(), "badge-exists");
    let page = stack.get("user", &format!("{BADGES}?limit=2")).await.expect(200).json;
    assert_eq!(slugs(&page, "/slug"), ["first", "second"]);
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = stack.get("user", &format!("{BADGES}?cursor={cursor}")).await.expect(200).json;
    assert_eq!(slugs(&page, "/slug"), ["third"]);

    let path = format!("{BADGES}/first");
    let read = stack.get("user", &path).await.expect(200);
    assert_eq!(
        read.json,
        json!({"slug": "first", "name": "Badge first", "description": null, "icon_url": null})
    );
    let guarded = |method: Method, tag: &str, body: Value| {
        Answer::of(admin.request(&stack, method, "user", &path).header("if-match", tag).json(&body))
    };
    let tag = read.header("etag").to_owned();
    let changed = guarded(Method::PATCH, &tag, json!({"icon_url": "https://img.example.org/1.png"})).await;
    assert_eq!(changed.expect(200).json["icon_url"], "https://img.example.org/1.png");
    guarded(Method::PATCH, &tag, json!({"name": "Late"})).await.expect(412);
    guarded(Method::DELETE, &tag, json!({})).await.expect(412);
    let conditional = stack.request(Method::GET, "user", &path).header("if-none-match", "\"v2\"");
    assert_eq!(Answer::of(conditional).await.status, 304);

    for (method, path, body) in [
        (Method::POST, BADGES, json!({"slug": "mine", "name": "Mine"})),
        (Method::PATCH, "/v1/badges/first", json!({"name": "Mine"})),
        (Method::DELETE, "/v1/badges/first", json!({})),
        (Method::PUT, "/v1/users/7/badges/first", json!({})),
        (Method::DELETE, "/v1/users/7/badges/first", json!({})),
    ] {
        let request = ada.request(&stack, method.clone(), "user", path).json(&body);
        assert_eq!(Answer::of(request).await.expect(403).code(), "scope-missing", "{method} {path}");
        let request = stack.request(method.clone(), "user", path).json(&body);
        assert_eq!(Answer::of(request).await.expect(401).code(), "token-missing", "{method} {path}");
    }
    let bad = json!({"slug": "No Slug", "name": "", "icon_url": "https://127.0.0.1/\"><b>"});
    let refused = admin.post(&stack, "user", BADGES, &bad).await.expect(422);
    assert_eq!(refused.json["errors"].as_array().unwrap().len(), 3);
    for missing in ["none", "No%20Slug", "a%00"] {
        stack.get("user", &format!("{BADGES}/{missing}")).await.expect(404);
        admin.delete(&stack, "user", &format!("{BADGES}/{missing}")).await.expect(404);
    }
}

#[tokio::test]
async fn an_award_is_given_once_however_often_it_is_asked_for() {
    let stack = stack().await;
    let (admin, ada) = (admin(&stack).await, stack.sign_up("ada").await);
    create(&stack, &admin, "first").await.expect(201);
    let calls = (0..6).map(|_| {
        let request =
            admin.request(&stack, Method::PUT, "user", &format!("/v1/users/{}/badges/first", ada.id));
        Answer::of(request.json(&json!({"reason": "Well done"})))
    });
    let answers = calls.collect::<tokio::task::JoinSet<_>>().join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)));

    let path = format!("/v1/users/{}/badges", ada.id);
    let page = stack.get("user", &path).await.expect(200).json;
    assert_eq!((&page["items"][0], page["items"].as_array().unwrap().len()), (&answers[0].json, 1));
    assert_eq!(page["items"][0]["reason"], "Well done");
    admin.delete(&stack, "user", &format!("{path}/first")).await.expect(204);
    admin.delete(&stack, "user", &format!("{path}/first")).await.expect(404);
    assert_eq!(stack.get("user", &path).await.expect(200).json["items"], json!([]));
    // without a body there is no reason
    let again = admin.put(&stack, "user", &format!("{path}/first")).await.expect(201).json;
    assert!(again["reason"].is_null());

    let key = format!("{}:first", ada.id);
    let told = ["badge.awarded.v1", "badge.revoked.v1", "badge.awarded.v1"];
    let told: Vec<_> = told.iter().map(|r#type| (*r#type).to_owned()).zip(1..).collect();
    assert_eq!(history_of(&stack, &key, 3).await, told);
    let first = stack.record("profile-events", |record| record.header("ce_sequence") == Some("1")).await;
    assert_eq!(
        (&payload(&first)["slug"], &payload(&first)["reason"]),
        (&json!("first"), &json!("Well done"))
    );
    award(&stack, &admin, 7, "first", "").await.expect(404);
    award(&stack, &admin, ada.id, "none", "").await.expect(404);
    award(&stack, &admin, ada.id, "first", "\0").await.expect(422);
}

#[tokio::test]
async fn a_deleted_badge_is_lost_by_all_and_can_be_made_anew() {
    let stack = stack().await;
    let (admin, ada, eve) = (admin(&stack).await, stack.sign_up("ada").await, stack.sign_up("eve").await);
    create(&stack, &admin, "first").await.expect(201);
    for account in [&ada, &eve] {
        award(&stack, &admin, account.id, "first", "x").await.expect(201);
    }
    admin.delete(&stack, "user", "/v1/badges/first").await.expect(204);
    stack.get("user", "/v1/badges/first").await.expect(404);
    admin.delete(&stack, "user", "/v1/badges/first").await.expect(404);
    award(&stack, &admin, ada.id, "first", "x").await.expect(404);
    assert_eq!(stack.get("user", BADGES).await.json["items"], json!([]));
    for account in [&ada, &eve] {
        assert_eq!(
            stack.get("user", &format!("/v1/users/{}/badges", account.id)).await.json["items"],
            json!([])
        );
        let key = format!("{}:first", account.id);
        assert_eq!(history_of(&stack, &key, 2).await[1], ("badge.revoked.v1".to_owned(), 2));
    }
    let anew = create(&stack, &admin, "first").await.expect(201);
    assert_eq!(anew.header("etag"), "\"v2\"", "no tag of the old one fits the new one");
    assert_eq!(stack.get("user", &format!("/v1/users/{}/badges", ada.id)).await.json["items"], json!([]));
    award(&stack, &admin, ada.id, "first", "y").await.expect(201);
    assert_eq!(history_of(&stack, &format!("{}:first", ada.id), 3).await[2].1, 3);
    assert_eq!(history(&stack, &format!("{}:first", eve.id)).await.len(), 2);
}

#[tokio::test]
async fn badges_are_listed_latest_first() {
    let stack = stack().await;
    let (admin, ada) = (admin(&stack).await, stack.sign_up("ada").await);
    for slug in ["a", "b", "c"] {
        create(&stack, &admin, slug).await.expect(201);
        award(&stack, &admin, ada.id, slug, "").await.expect(201);
    }
    let path = format!("/v1/users/{}/badges", ada.id);
    let first = stack.get("user", &format!("{path}?limit=2")).await.expect(200).json;
    assert_eq!(slugs(&first, "/badge/slug"), ["c", "b"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = stack.get("user", &format!("{path}?cursor={cursor}")).await.expect(200).json;
    assert_eq!((slugs(&rest, "/badge/slug"), &rest["next_cursor"]), (vec!["a".to_owned()], &Value::Null));
    stack.get("user", "/v1/users/7/badges").await.expect(404);
}
