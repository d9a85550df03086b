//! The lists of people, for clients and for other services.

use serde_json::{Value, json};
use tracklore_testkit::{Account, Answer, Stack};

use crate::{
    follows::{follow, following},
    ids, stack,
};

/// A few who follow the first.
async fn crowd(stack: &Stack, size: usize) -> (Account, Vec<Account>) {
    let star = stack.sign_up("star").await;
    let mut fans = Vec::new();
    for index in 0..size {
        let fan = stack.sign_up(&format!("fan-{index}")).await;
        follow(stack, &fan, &star).await.expect(204);
        fans.push(fan);
    }
    (star, fans)
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended_while_others_come_and_go() {
    let stack = stack().await;
    let (star, fans) = crowd(&stack, 5).await;
    let path = format!("/v1/users/{}/followers", star.id);
    let first = stack.get("user", &format!("{path}?limit=2")).await.expect(200).json;
    assert_eq!(ids(&first), [fans[4].id, fans[3].id]);
    let cursor = first["next_cursor"].as_str().unwrap();

    let late = stack.sign_up("late").await;
    follow(&stack, &late, &star).await.expect(204);
    fans[3].delete(&stack, "user", &following(star.id)).await.expect(204);
    let second = stack.get("user", &format!("{path}?limit=2&cursor={cursor}")).await.expect(200).json;
    assert_eq!(ids(&second), [fans[2].id, fans[1].id]);
    let cursor = second["next_cursor"].as_str().unwrap();
    let last = stack.get("user", &format!("{path}?limit=2&cursor={cursor}")).await.expect(200).json;
    assert_eq!((ids(&last), &last["next_cursor"]), (vec![fans[0].id], &Value::Null));

    let other = format!("/v1/users/{}/followers?cursor={cursor}", fans[0].id);
    for bad in [format!("{path}?limit=0"), format!("{path}?limit=101"), format!("{path}?cursor=x"), other] {
        assert_eq!(stack.get("user", &bad).await.expect(400).code(), "malformed-request", "{bad}");
    }
    for list in ["followers", "following"] {
        assert_eq!(stack.get("user", &format!("/v1/users/7/{list}")).await.expect(404).code(), "not-found");
    }
}

#[tokio::test]
async fn other_services_get_the_ids_of_all_whom_somebody_follows() {
    let stack = stack().await;
    let (star, fans) = crowd(&stack, 3).await;
    for fan in &fans {
        follow(&stack, &star, fan).await.expect(204);
    }
    let token = stack.service_token("feed").await;
    let get = async |query: &str| {
        let url = format!("{}/internal/v1/users/{query}", stack.internal_url("user"));
        Answer::of(tracklore_testkit::http().get(url).bearer_auth(&token)).await
    };
    let mut expected: Vec<_> = fans.iter().map(|fan| fan.id).collect();
    expected.sort_unstable();
    let whole = get(&format!("{}/following", star.id)).await.expect(200).json;
    assert_eq!(whole, json!({"items": expected, "next_cursor": null}));
    let first = get(&format!("{}/following?limit=2", star.id)).await.expect(200).json;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = get(&format!("{}/following?limit=1000&cursor={cursor}", star.id)).await.expect(200).json;
    assert_eq!((&first["items"], &rest["items"]), (&json!(expected[..2]), &json!(expected[2..])));
    get(&format!("{}/following?limit=1001", star.id)).await.expect(400);
    get("7/following").await.expect(404);
    let url = format!("{}/internal/v1/users/{}/following", stack.internal_url("user"), star.id);
    Answer::of(tracklore_testkit::http().get(url).bearer_auth(&star.access_token)).await.expect(401);
}
