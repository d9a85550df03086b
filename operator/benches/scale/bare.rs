//! The least that the writes could cost: a client that sends what the operator sent for a stack once more for each of many,
//! thinks of nothing and waits for no pod.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, stream};
use http::{HeaderMap, Method, Request};
use kube::{
    Client, ResourceExt,
    client::{Body, ClientBuilder},
};
use tokio_util::sync::CancellationToken;
use tower::util::MapRequestLayer;
use tracklore_e2e::apiserver::{self, Server};
use tracklore_operator::{
    api::v1alpha1::TrackloreStack,
    runtime::{
        controller,
        watches::{Progress, Scope},
    },
};
use tracklore_testkit::load;

use crate::stacks::{self, Place};

/// As many as the operator works on.
const BESIDE: usize = 16;

/// What was measured of it.
pub struct Bare {
    /// Writes a second.
    pub rate: f64,
    /// Its processor time for all stacks.
    pub cpu: Duration,
}

/// A write, and for whom it was.
#[derive(Clone)]
struct Write {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Write {
    fn of(request: &Request<Body>) -> Self {
        let body = request.body().try_clone().unwrap().collect_bytes().now_or_never().unwrap().unwrap();
        Self {
            method: request.method().clone(),
            path: request.uri().to_string(),
            headers: request.headers().clone(),
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    /// Sends it for another stack.
    async fn send(&self, client: &Client, recorded: &TrackloreStack, stack: &TrackloreStack) {
        let instead = |text: &str| {
            text.replace(&recorded.namespace().unwrap(), &stack.namespace().unwrap())
                .replace(&recorded.name_any(), &stack.name_any())
                .replace(&recorded.uid().unwrap(), &stack.uid().unwrap())
        };
        let mut request = Request::new(instead(&self.body).into_bytes());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = instead(&self.path).parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        client.request_text(request).await.unwrap();
    }
}

/// Lets it write for so many stacks.
pub async fn play(size: usize) -> Bare {
    let server = Server::start();
    let client = server.admin().await;
    let (recorded, writes) = Box::pin(recorded(&server)).await;
    let places = stacks::places(&client, size).await;
    let stacks = stacks::ask(&client, &places).await;
    tokio::task::block_in_place(|| {
        thread::scope(|scope| scope.spawn(|| write(&server, &recorded, &writes, &stacks)).join().unwrap())
    })
}

/// On a thread that does nothing else: those who play kubelet are in this process, too.
#[tokio::main(flavor = "current_thread")]
async fn write(
    server: &Server,
    recorded: &TrackloreStack,
    writes: &[Write],
    stacks: &[TrackloreStack],
) -> Bare {
    let client = server.admin().await;
    let (began, before) = (Instant::now(), load::cpu_time_of_thread());
    stream::iter(stacks)
        .for_each_concurrent(BESIDE, async |stack| {
            for write in writes {
                write.send(&client, recorded, stack).await;
            }
        })
        .await;
    Bare {
        rate: (stacks.len() * writes.len()) as f64 / began.elapsed().as_secs_f64(),
        cpu: load::cpu_time_of_thread().saturating_sub(before),
    }
}

/// What the operator writes until a stack is ready, and that stack.
async fn recorded(server: &Server) -> (TrackloreStack, Vec<Write>) {
    let client = server.admin().await;
    let place = Place { namespace: "first-home".to_owned(), name: "first-stack".to_owned() };
    stacks::namespace(&client, place.namespace.clone()).await;
    let writes = Arc::new(Mutex::new(Vec::new()));
    let config = apiserver::config(&server.kubeconfig("operator")).await;
    let seen = writes.clone();
    let record = MapRequestLayer::new(move |request: Request<Body>| {
        if request.method() != Method::GET {
            seen.lock().unwrap().push(Write::of(&request));
        }
        request
    });
    let operator = tokio::spawn(controller::keep(
        ClientBuilder::try_from(config).unwrap().with_layer(&record).build(),
        Scope::Namespace(place.namespace.clone()),
        0,
        Arc::new(Progress::default()),
        CancellationToken::new(),
    ));
    let stack = stacks::apply(&client, &place, stacks::spec()).await;
    stacks::settled_at(&client, &place).await;
    operator.abort();
    drop(operator.await);
    let mut writes = writes.lock().unwrap().clone();
    // Claims are made by the controller of their StatefulSet, which this client doesn't wait for.
    writes.retain(|write| !write.path.contains("/persistentvolumeclaims/"));
    (stack, writes)
}
