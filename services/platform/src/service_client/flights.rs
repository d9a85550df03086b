//! Single flight: who asks what is being asked already gets the same answer, so a burst about one user is one question.
//! A question runs in a task of its own: it doesn't end with the one who asked first.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// Questions under way, and what each will be answered.
pub struct Flights<T: Clone>(Arc<Mutex<HashMap<String, Flight<T>>>>);

type Flight<T> = Shared<BoxFuture<'static, Option<T>>>;

impl<T: Clone> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Default for Flights<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// The answer to `question`: of the one under way, or of `ask`; and whether it was shared. `None` when asking panicked.
    pub async fn join<F>(&self, question: &str, ask: impl FnOnce() -> F) -> (Option<T>, bool)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let (flight, shared) = {
            let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(flight) = running.get(question) {
                (flight.clone(), true)
            } else {
                let flight = self.start(question.to_owned(), ask());
                running.insert(question.to_owned(), flight.clone());
                (flight, false)
            }
        };
        (flight.await, shared)
    }

    fn start(&self, question: String, ask: impl Future<Output = T> + Send + 'static) -> Flight<T> {
        let landing = Landing { flights: self.clone(), question };
        let task = tokio::spawn(async move {
            // also when asking panics
            let _landing = landing;
            ask.await
        });
        task.map(Result::ok).boxed().shared()
    }
}

/// Takes a question off the list when it is answered.
struct Landing<T: Clone> {
    flights: Flights<T>,
    question: String,
}

impl<T: Clone> Drop for Landing<T> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.question);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_meanwhile_share_and_those_after_ask_anew() {
        let (flights, asked, go) = (Flights::default(), Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let ask = || {
            let (asked, go) = (Arc::clone(&asked), Arc::clone(&go));
            async move {
                go.notified().await;
                asked.fetch_add(1, Ordering::Relaxed)
            }
        };
        let others = async {
            tokio::task::yield_now().await;
            go.notify_one();
        };
        let (first, second, ()) = tokio::join!(flights.join("7", ask), flights.join("7", ask), others);
        assert_eq!((first, second), ((Some(0), false), (Some(0), true)));
        go.notify_one();
        assert_eq!(flights.join("7", ask).await, (Some(1), false));
    }

    #[tokio::test]
    async fn a_question_goes_on_when_who_asked_first_has_gone() {
        let (flights, go) = (Flights::default(), Arc::new(Notify::new()));
        let waiting = Arc::clone(&go);
        let first = flights.join("7", || async move {
            waiting.notified().await;
            1
        });
        assert!(first.now_or_never().is_none());
        let (second, ()) = tokio::join!(flights.join("7", || async { 2 }), async { go.notify_one() });
        assert_eq!(second, (Some(1), true));
    }

    #[tokio::test]
    async fn a_panic_is_no_answer_and_blocks_nobody() {
        let flights: Flights<u32> = Flights::default();
        assert_eq!(flights.join("7", || async { panic!("on purpose") }).await.0, None);
        assert_eq!(flights.join("7", || async { 1 }).await, (Some(1), false));
    }
}
