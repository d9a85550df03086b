//! Live updates over WebSocket.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::StatusCode},
};
use tracklore_testkit::{Account, Stack, eventually};
use uuid::Uuid;

use crate::{
    events::{empty_stack, follow_event, post_event, profile_event, user_event},
    neighbour::{Neighbour, profiles},
};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn open(stack: &Stack, query: &str, origin: Option<&str>) -> Result<Self, StatusCode> {
        let url = stack.public_url("feed").replace("http://", "ws://");
        let mut request = format!("{url}/v1/feed/ws{query}").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status()),
            Err(error) => unreachable!("{error}"),
        }
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    /// The next message, or the code it was closed with.
    async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                end => unreachable!("{end:?}"),
            }
        }
    }
}

async fn stack() -> (Stack, Account) {
    let mut stack = empty_stack().await;
    stack.start("auth").await;
    let ada = stack.sign_up("ada").await;
    Neighbour::new(&mut stack).await.knows(profiles(&[(7, "Seven")]));
    stack.set("TRACKLORE_ALLOWED_ORIGINS", "https://app.example.org");
    user_event(&stack, 7, 1, "created").await;
    profile_event(&stack, 7, 1, "Seven").await;
    follow_event(&stack, ada.id, 7, 1, true).await;
    stack.start("feed").await;
    eventually("it has caught up", async || {
        stack.get("feed", "/v1/feed/global").await.header("x-feed-state").is_empty().then_some(())
    })
    .await;
    (stack, ada)
}

#[tokio::test]
async fn one_connection_listens_to_several_lists_and_goes_on_where_another_was() {
    let (stack, ada) = stack().await;
    let mut client = Client::open(&stack, "", Some("https://app.example.org")).await.ok().unwrap();
    client.say(json!({"token": ada.access_token})).await;
    assert_eq!(client.hear().await.unwrap()["event"], "authenticated");
    client.say(json!({"subscribe": ["home", "global"]})).await;
    let subscribed = client.hear().await.unwrap();
    assert_eq!(
        (&subscribed["event"], &subscribed["scopes"]),
        (&json!("subscribed"), &json!(["home", "global"]))
    );
    let (whisper, public) = (Uuid::now_v7(), Uuid::now_v7());
    post_event(&stack, whisper, 7, 1, &json!({"visibility": "followers"})).await;
    let told = client.hear().await.unwrap();
    assert_eq!((&told["scope"], &told["data"]["id"]), (&json!("home"), &json!(whisper)));
    post_event(&stack, public, 7, 1, &json!({})).await;
    for scope in ["home", "global"] {
        let told = client.hear().await.unwrap();
        assert_eq!((&told["scope"], &told["data"]["id"]), (&json!(scope), &json!(public)));
        assert_eq!(told["event"], "activity.created");
    }
    // a new token of the same user is welcome
    client.say(json!({"token": ada.access_token})).await;
    assert_eq!(client.hear().await.unwrap()["event"], "authenticated");

    let ticket = ada.post(&stack, "feed", "/v1/feed/stream/ticket", &json!({})).await.expect(201);
    let query = format!("?ticket={}", ticket.json["ticket"].as_str().unwrap());
    let mut other = Client::open(&stack, &query, None).await.ok().unwrap();
    other.say(json!({"subscribe": ["home"], "after": subscribed["cursor"]})).await;
    other.hear().await.unwrap();
    for id in [whisper, public] {
        assert_eq!(other.hear().await.unwrap()["data"]["id"], json!(id));
    }
    // a ticket is good once
    assert_eq!(Client::open(&stack, &query, None).await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused_and_stopping_is_said() {
    let (mut stack, ada) = stack().await;
    for origin in ["https://evil.example", "null"] {
        assert_eq!(Client::open(&stack, "", Some(origin)).await.err(), Some(StatusCode::FORBIDDEN));
    }
    assert_eq!(stack.get("feed", "/v1/feed/ws").await.status, 400);
    for (message, code) in [
        (json!({"subscribe": ["home"]}), "token-missing"),
        (json!({"token": "no.good.token"}), "invalid-token"),
        (json!({"subscribe": ["everything"]}), "malformed-request"),
        (json!([]), "malformed-request"),
    ] {
        let mut client = Client::open(&stack, "", None).await.ok().unwrap();
        client.say(message).await;
        let error = client.hear().await.unwrap();
        assert_eq!((&error["event"], &error["code"]), (&json!("error"), &json!(code)));
        assert_eq!(client.hear().await, Err(1008));
    }
    let bob = stack.sign_up("bob").await;
    let mut client = Client::open(&stack, "", None).await.ok().unwrap();
    client.say(json!({"token": ada.access_token})).await;
    client.hear().await.unwrap();
    client.say(json!({"token": bob.access_token})).await;
    assert_eq!(client.hear().await.unwrap()["code"], "invalid-token");

    let mut last = Client::open(&stack, "", None).await.ok().unwrap();
    last.say(json!({"subscribe": ["global"]})).await;
    last.hear().await.unwrap();
    stack.stop("feed").await;
    assert_eq!(last.hear().await, Err(1001));
}
