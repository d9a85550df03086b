//! What can happen to the operator's requests: a write is held up, refused or cut off, or the process dies after it; what watches
//! tell is late.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done, and answered.
    Done,
    /// It waits until it is let go.
    HeldUp,
    /// It is done, and the process dies before it knows.
    DoneAndDies,
    /// It isn't done, and the API server says so.
    Refused(StatusCode),
    /// It is done, and the answer is lost.
    CutOff,
}

/// Decides by the number of the write; the first is 1.
type Decide = dyn Fn(usize) -> Fate + Send + Sync;

/// Around all requests of one operator.
#[derive(Clone)]
pub struct Faults {
    decide: Arc<Decide>,
    writes: Arc<AtomicUsize>,
    dead: CancellationToken,
    let_go: CancellationToken,
    late: Duration,
}

/// How many frames of a watch are on their way at once, at most.
const ON_THE_WAY: usize = 10_000;

/// A body, as the client passes it from layer to layer.
type DynBody = dyn Body<Data = Bytes, Error = BoxError> + Send + Unpin;

impl Faults {
    /// With this fate for each write.
    pub fn new(decide: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self {
            decide: Arc::new(decide),
            writes: Arc::default(),
            dead: CancellationToken::new(),
            let_go: CancellationToken::new(),
            late: Duration::ZERO,
        }
    }

    /// Everything goes well.
    pub fn none() -> Self {
        Self::new(|_| Fate::Done)
    }

    /// The process dies once so many writes are done.
    pub fn death_after(writes: usize) -> Self {
        Self::some(vec![writes], Fate::DoneAndDies)
    }

    /// This write is held up.
    pub fn holding(write: usize) -> Self {
        Self::some(vec![write], Fate::HeldUp)
    }

    /// These writes have this fate.
    pub fn some(writes: Vec<usize>, fate: Fate) -> Self {
        Self::new(move |number| if writes.contains(&number) { fate } else { Fate::Done })
    }

    /// Whatever watches tell comes so much later.
    pub fn late(self, late: Duration) -> Self {
        Self { late, ..self }
    }

    /// Lets go what is held up.
    pub fn let_go(&self) {
        self.let_go.cancel();
    }

    /// How many writes there were.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Ends when the process has died.
    pub async fn death(&self) {
        self.dead.cancelled().await;
    }
}

impl<S> Layer<S> for Faults {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Faulty<S> {
        Faulty { inner, faults: self.clone() }
    }
}

/// The requests of an operator, with what happens to them.
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

impl<S, Q> Service<Request<Q>> for Faulty<S>
where
    S: Service<Request<Q>, Response = Response<Box<DynBody>>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Box<DynBody>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let faults = self.faults.clone();
        let fate = if request.method() == Method::GET || faults.dead.is_cancelled() {
            Fate::Done
        } else {
            (faults.decide)(faults.writes.fetch_add(1, Ordering::SeqCst) + 1)
        };
        if faults.dead.is_cancelled() {
            return Box::pin(std::future::pending());
        }
        if let Fate::Refused(code) = fate {
            return Box::pin(std::future::ready(Ok(refusal(code))));
        }
        let is_late = !faults.late.is_zero() && is_watch(request.uri());
        let answer = self.inner.call(request);
        Box::pin(async move {
            if fate == Fate::HeldUp {
                faults.let_go.cancelled().await;
            }
            let Some(answer) = faults.dead.run_until_cancelled(answer).await else {
                return std::future::pending().await;
            };
            match fate {
                Fate::DoneAndDies => {
                    faults.dead.cancel();
                    std::future::pending().await
                }
                Fate::CutOff => Err("the connection was cut off".into()),
                _ if is_late => Ok(answer?.map(|body| delayed(body, faults.late))),
                _ => answer,
            }
        })
    }
}

fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"))
}

/// What the API server answers to what it doesn't do.
fn refusal(code: StatusCode) -> Response<Box<DynBody>> {
    let reason = code.canonical_reason().unwrap_or_default();
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(), "reason": reason,
        "message": "not now",
    });
    let body: Box<DynBody> =
        Box::new(Full::new(Bytes::from(status.to_string())).map_err(|never| match never {}));
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response
}

fn delayed(body: Box<DynBody>, late: Duration) -> Box<DynBody> {
    let data = body.into_data_stream().map(move |data| {
        let due = Instant::now() + late;
        async move {
            sleep_until(due).await;
            data.map(Frame::data)
        }
    });
    Box::new(StreamBody::new(Box::pin(data.buffered(ON_THE_WAY))))
}
