//! What can happen to the operator's requests: one of them is held up, or the process dies after it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request, Response};
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
}

impl Faults {
    /// With this fate for each write.
    pub fn new(decide: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self {
            decide: Arc::new(decide),
            writes: Arc::default(),
            dead: CancellationToken::new(),
            let_go: CancellationToken::new(),
        }
    }

    /// Everything goes well.
    pub fn none() -> Self {
        Self::new(|_| Fate::Done)
    }

    /// The process dies once so many writes are done.
    pub fn death_after(writes: usize) -> Self {
        Self::new(move |number| if number == writes { Fate::DoneAndDies } else { Fate::Done })
    }

    /// This write is held up.
    pub fn holding(write: usize) -> Self {
        Self::new(move |number| if number == write { Fate::HeldUp } else { Fate::Done })
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
        if faults.dead.is_cancelled() {
            return Box::pin(std::future::pending());
        }
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
                Fate::Done | Fate::HeldUp => answer,
            }
        })
    }
}
