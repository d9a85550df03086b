//! How long the running request may still take: who calls others for it asks for no longer, because nobody would wait for
//! the answer.

use tokio::time::{Duration, Instant, error::Elapsed, timeout_at};

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work`, cut off after `limit` (or before, where the surrounding work ends earlier).
pub fn within<F: Future>(limit: Duration, work: F) -> impl Future<Output = Result<F::Output, Elapsed>> {
    let limit = Instant::now() + limit;
    let at = current().map_or(limit, |current| current.min(limit));
    DEADLINE.scope(at, timeout_at(at, work))
}

/// When the running request is cut off, if there is one.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|at| *at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn inner_work_never_outlives_outer_work() {
        assert!(current().is_none());
        let second = Duration::from_secs(1);
        let deadlines = within(second, async {
            let outer = current().unwrap();
            let inner = within(60 * second, async { current().unwrap() }).await.unwrap();
            let shorter = within(second / 10, async { current().unwrap() }).await.unwrap();
            (outer, inner, shorter)
        });
        let (outer, inner, shorter) = deadlines.await.unwrap();
        assert_eq!(outer, inner);
        assert!(shorter < outer);
        assert!(within(Duration::ZERO, std::future::pending::<()>()).await.is_err());
    }
}
