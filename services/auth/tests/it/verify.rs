//! `/verify`, which the gateway asks about each request that bears a token: without Postgres, too.

use serde_json::Value;
use tracklore_testkit::{Answer, Fault, Proxy, Stack, eventually};

use crate::{log_in, sign_up, text, verify};

#[tokio::test]
async fn whose_a_token_is_and_that_its_session_ended_is_known_while_postgres_is_away() {
    let mut stack = Stack::new().await;
    let url = stack.runtime_url("auth");
    let (login, rest) = url.split_once('@').unwrap();
    let (server, database) = rest.split_once('/').unwrap();
    let way = Proxy::before(server).await;
    stack.set("TRACKLORE_DATABASE_URL", &format!("{login}@{}/{database}", way.address()));
    stack.start("auth").await;
    let password = "a long enough secret";
    let signed_up = sign_up(&stack, "ada", "ada@example.org", password).await.expect(201).json;
    let [seen, unseen, ended] = [0; 3].map(|_| log_in(&stack, "ada", password));
    let (seen, unseen, ended) = tokio::join!(seen, unseen, ended);
    let [seen, unseen, ended] = [seen, unseen, ended].map(|pair| text(&pair.expect(200), "access_token"));
    verify(&stack, &seen).await.expect(200);
    let request = stack.request(reqwest::Method::POST, "auth", "/v1/auth/logout").bearer_auth(&ended);
    Answer::of(request.json(&Value::Null)).await.expect(204);
    eventually("the end of the session is heard of", async || {
        (verify(&stack, &ended).await.status == 401).then_some(())
    })
    .await;

    way.set(Fault::Cut);
    log_in(&stack, "ada", password).await.expect(503);
    for token in [&seen, &unseen] {
        let known = verify(&stack, token).await.expect(200);
        assert_eq!(known.header("x-user-id"), signed_up["user"]["id"].to_string());
    }
    verify(&stack, &ended).await.expect(401);
}
