//! Kafka that can't be reached for long.

use std::time::Duration;

use tracklore_testkit::{Fault, Proxy, Stack, eventually, eventually_within};

#[tokio::test]
async fn a_client_that_reaches_no_broker_for_a_minute_is_replaced_by_one_that_finds_it() {
    let mut stack = Stack::new().await;
    let way = Proxy::before(&std::env::var("TRACKLORE_TEST_KAFKA").unwrap()).await;
    way.set(Fault::Cut);
    stack.set("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", &way.address());
    stack.start("auth").await;
    stack.start("user").await;
    let ada = stack.sign_up("ada").await;
    for (service, said) in [
        ("user", "no broker of Kafka is reached: another client looks for one"),
        ("auth", "Kafka takes no event: another client looks for it"),
    ] {
        eventually_within(Duration::from_mins(3), &format!("{service}: {said}"), async || {
            stack.log(service).iter().any(|line| line["message"] == said).then_some(())
        })
        .await;
    }

    way.set(Fault::None);
    eventually("the account is known", async || {
        let known = sqlx::query("SELECT FROM auth_users WHERE id = $1 AND username = 'ada'").bind(ada.id);
        known.fetch_optional(&stack.database("user")).await.unwrap().map(drop)
    })
    .await;
}
