//! What can happen to the operator's requests: the process dies after one of them, or the API server refuses some.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response};
use kube::core::{Status, response::StatusSummary};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done, and answered.
    Done,
    /// It is done, and the process dies before it knows.
    DoneAndDies,
    /// It isn't done, and the answer is this status.
    Refused(u16),
    /// It is done, and nobody learns of it: the answer is lost.
    Unanswered,
}

/// Decides by the number of the write; the first is 1.
type Decide = dyn Fn(usize) -> Fate + Send + Sync;

/// Around all requests of one operator.
#[derive(Clone)]
pub struct Faults {
    decide: Arc<Decide>,
    writes: Arc<AtomicUsize>,
    dead: CancellationToken,
}

impl Faults {
    /// With this fate for each write.
    pub fn new(decide: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self { decide: Arc::new(decide), writes: Arc::default(), dead: CancellationToken::new() }
    }

    /// Everything goes well.
    pub fn none() -> Self {
        Self::new(|_| Fate::Done)
    }

    /// The process dies once so many writes are done.
    pub fn death_after(writes: usize) -> Self {
        Self::new(move |number| if number == writes { Fate::DoneAndDies } else { Fate::Done })
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

impl<S, Q, A> Service<Request<Q>> for Faulty<S>
where
    S: Service<Request<Q>, Response = Response<A>, Error = BoxError>,
    S::Future: Send + 'static,
    A: Send + 'static,
{
    type Response = Response<A>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<A>, BoxError>>;

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
        if let Fate::Refused(code) = fate {
            return Box::pin(async move { Err(refusal(code)) });
        }
        if faults.dead.is_cancelled() {
            return Box::pin(std::future::pending());
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let Some(answer) = faults.dead.run_until_cancelled(answer).await else {
                return std::future::pending().await;
            };
            match fate {
                Fate::DoneAndDies => {
                    faults.dead.cancel();
                    std::future::pending().await
                }
                Fate::Unanswered => Err("the answer is lost".into()),
                Fate::Done | Fate::Refused(_) => answer,
            }
        })
    }
}

/// As the client gives what the API server has answered.
fn refusal(code: u16) -> BoxError {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = Status {
        status: Some(StatusSummary::Failure),
        code,
        message: format!("a test answers {code}"),
        reason: reason.to_owned(),
        ..Status::default()
    };
    Box::new(kube::Error::Api(Box::new(status)))
}
