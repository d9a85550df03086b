//! Nothing is written without the Lease. A process that stood still for too long may wake when another replica works already,
//! and would go on where it stopped until it hears of that.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use futures::future::BoxFuture;
use http::{Method, Request};
use tower::{BoxError, Layer, Service};

/// Until when this replica may write.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Until>>);

#[derive(Clone, Copy, Debug)]
enum Until {
    /// There is no other replica.
    Ever,
    /// A moment of this process' clock, which goes on while the process stands still, though not while the machine does.
    Then(Instant),
    /// Now: the Lease isn't held.
    Now,
}

/// Why a request isn't made.
#[derive(Debug, thiserror::Error)]
#[error("the Lease isn't held any more, so nothing is written")]
pub struct Closed;

impl Fence {
    /// For who is alone.
    pub fn open() -> Self {
        Self::of(Until::Ever)
    }

    /// For who has to have the Lease first.
    pub fn closed() -> Self {
        Self::of(Until::Now)
    }

    fn of(until: Until) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    /// The Lease is held, for so long at least.
    pub fn open_until(&self, moment: Instant) {
        self.set(Until::Then(moment));
    }

    /// The Lease is given back.
    pub fn close(&self) {
        self.set(Until::Now);
    }

    fn set(&self, until: Until) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn is_open(&self, now: Instant) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Until::Ever => true,
            Until::Then(moment) => now < moment,
            Until::Now => false,
        }
    }
}

impl<S> Layer<S> for Fence {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced { fence: self.clone(), inner }
    }
}

/// Lets requests through that only read, and those that write while the fence is open.
#[derive(Clone)]
pub struct Fenced<S> {
    fence: Fence,
    inner: S,
}

impl<S, Q> Service<Request<Q>> for Fenced<S>
where
    S: Service<Request<Q>, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let may = *request.method() == Method::GET || self.fence.is_open(Instant::now());
        let answer = may.then(|| self.inner.call(request));
        Box::pin(async {
            match answer {
                Some(answer) => answer.await.map_err(Into::into),
                None => Err(BoxError::from(Closed)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn writing_ends_with_the_lease_and_by_itself_when_that_is_not_renewed() {
        let now = Instant::now();
        assert!(Fence::open().is_open(now));
        let fence = Fence::closed();
        assert!(!fence.is_open(now));
        fence.open_until(now + Duration::from_secs(10));
        assert!(fence.is_open(now + Duration::from_secs(9)));
        assert!(!fence.is_open(now + Duration::from_secs(10)));
        fence.open_until(now + Duration::from_secs(20));
        fence.close();
        assert!(!fence.is_open(now));
    }

    #[tokio::test]
    async fn reading_is_always_let_through_and_writing_while_the_lease_is_held() {
        let fence = Fence::closed();
        let inner = tower::service_fn(async |_: Request<()>| Ok::<_, BoxError>(()));
        let mut fenced = fence.layer(inner);
        let mut passes = async |method: Method| {
            let request = Request::builder().method(method).body(()).unwrap();
            fenced.call(request).await.is_ok()
        };
        assert!(passes(Method::GET).await);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!passes(method.clone()).await, "{method}");
            fence.open_until(Instant::now() + Duration::from_mins(1));
            assert!(passes(method).await);
            fence.close();
        }
    }
}
