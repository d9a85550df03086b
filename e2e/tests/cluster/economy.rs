//! What a stack costs the API server, from its audit log: little while it is made, nothing while nothing happens.

use std::{collections::BTreeMap, time::Duration};

use tracklore_e2e::{TestStack, audit};
use tracklore_testkit::eventually_within;

use crate::client;

const PATIENCE: Duration = Duration::from_mins(4);
/// How long nothing has to be asked. Reads of Secrets count for five minutes, so within them none is read again.
const SILENCE: Duration = Duration::from_secs(75);

#[tokio::test]
async fn a_stack_is_made_with_few_requests_and_asks_for_nothing_once_it_serves() {
    let client = client().await;
    let stack = TestStack::start(&client, "economy").await;
    stack.wait_for(&client, PATIENCE, "Progressing", "False").await;

    let made = audit::requests(&stack.namespace);
    let mut writes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for request in made.iter().filter(|request| request.is_write()) {
        *writes.entry((&request.resource, &request.name)).or_default() += 1;
    }
    let count = |verb: &str| made.iter().filter(|request| request.verb == verb).count();
    println!(
        "made with {} requests: {} writes, {} gets, {} lists; status {}",
        made.len(),
        writes.values().sum::<usize>(),
        count("get"),
        count("list"),
        writes.get(&("tracklorestacks/status", "economy")).copied().unwrap_or_default(),
    );
    for ((resource, name), times) in &writes {
        let most = match *resource {
            // What is told changes with what is seen: stores, preparations, migrations, services, gateway.
            "tracklorestacks/status" => 25,
            "events" => 20,
            _ => 1,
        };
        assert!(times <= &most, "{resource}/{name} was written {times} times");
    }

    let last = || audit::requests(&stack.namespace).last().map(|request| request.time.clone());
    let mut latest = last();
    let mut since = std::time::Instant::now();
    // One pass more may come from what the last pods told.
    eventually_within(PATIENCE, "nothing is asked for a while", async || {
        let now = last();
        if now != latest {
            (latest, since) = (now, std::time::Instant::now());
        }
        (since.elapsed() > SILENCE).then_some(())
    })
    .await;
    stack.discard(&client).await;
}
