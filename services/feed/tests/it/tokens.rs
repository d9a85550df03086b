//! Every operation of the feed against every token that isn't good.

use tracklore_testkit::matrix::{Case, Matrix};

use crate::events::empty_stack;

/// What a browser sends to open a WebSocket.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

#[tokio::test]
async fn every_operation_refuses_every_token_that_is_not_good_and_gives_no_ticket() {
    let mut stack = empty_stack().await;
    for service in ["auth", "user", "posts", "feed"] {
        stack.start(service).await;
    }
    let prepare = async |operation: &tracklore_testkit::matrix::Operation, name: &str| {
        let person = stack.sign_up(name).await;
        let (id, mut case) = (person.id, Case::of(person));
        match operation.path.as_str() {
            "/v1/feed/ws" => case.headers = HANDSHAKE.to_vec(),
            "/v1/feed/stream" => case = case.with("scope", "global"),
            "/v1/feed/users/{id}" => case = case.with("id", id),
            _ => {}
        }
        case
    };
    Matrix::public(&stack, "feed").await.check(prepare).await;

    let redis = tracklore_feed::redis::Redis::new(stack.redis_url()).unwrap();
    let mut tickets = redis::cmd("KEYS");
    let tickets: Vec<String> =
        redis::FromRedisValue::from_redis_value(redis.send(tickets.arg("*ticket*")).await.unwrap()).unwrap();
    assert!(tickets.len() <= 1, "only the good token got a ticket: {tickets:?}");
}
