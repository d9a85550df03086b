//! What the operator stands on goes away or stands still while it is at work: it goes on by itself, and what is there in the end
//! is what it makes undisturbed.

use kube::Client;
use tracklore_e2e::apiserver::{Disturbance, Server};
use tracklore_testkit::eventually_within;

use crate::{
    crashes::assert_nothing_made_twice,
    faults::Faults,
    operator::Operator,
    picture::Picture,
    settle::PATIENCE,
    spaces::{Space, spec},
};

/// After so many writes of a creation.
const IN_THE_MIDDLE: usize = 20;

/// The API server says of itself that it can work, or that it can't.
async fn works(client: &Client, works: bool) {
    eventually_within(PATIENCE, &format!("that the API server works is {works}"), async || {
        let ready = http::Request::get("/readyz").body(Vec::new()).unwrap();
        (client.request_text(ready).await.is_ok() == works).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_a_store_that_stands_still_only_take_time() {
    // of its own: others would be disturbed
    let server: &'static Server = Box::leak(Box::new(Server::start()));
    let space = Space::on(server, "undisturbed").await;
    space.apply(&spec()).await;
    let (undisturbed, writes) = space.settle(Faults::none()).await;
    assert!(writes > IN_THE_MIDDLE, "{writes}");

    for disturbance in [Disturbance::ApiServerKilled, Disturbance::StorePaused] {
        let space = Space::on(server, "disturbed").await;
        let operator = Operator::start(&space, Faults::none()).await;
        space.apply(&spec()).await;
        eventually_within(PATIENCE, "the creation is under way", async || {
            (operator.faults.writes() >= IN_THE_MIDDLE).then_some(())
        })
        .await;
        server.disturb(disturbance);
        works(&space.client, false).await;
        server.calm(disturbance);
        works(&space.client, true).await;
        space.settled(&operator).await;
        Picture::of(&space).await.assert_like(&undisturbed, &format!("{disturbance:?}"));
        assert_nothing_made_twice(&space);
    }
}
