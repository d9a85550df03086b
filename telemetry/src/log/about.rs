//! What a piece of work is about: a request, an event, a stack. It stands in each line that is written meanwhile.
//!
//! It is kept with the task and not in a span of `tracing`: a small request would spend a good part of its time on the span, and
//! most have no line that shows it.

use std::cell::RefCell;

use crate::trace::{TraceContext, Value};

tokio::task_local! {
    static CURRENT: RefCell<Vec<Field>>;
}

type Field = (&'static str, Value);

/// What is known of a piece of work when it begins.
#[derive(Clone, Debug, Default)]
pub struct About(Vec<Field>);

impl About {
    /// Adds a field, named as people search for it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((key, value.into()));
        self
    }

    /// Runs the work.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(RefCell::new(self.0), work)
    }
}

/// Adds what is learnt during the running work, if it is about something.
pub fn note(key: &'static str, value: impl Into<Value>) {
    // nobody is told where nobody listens
    let _ = CURRENT.try_with(|fields| fields.borrow_mut().push((key, value.into())));
}

/// Shows what the running work is about, the trace that it is part of before all else.
pub(super) fn each<E>(mut show: impl FnMut(&'static str, &Value) -> Result<(), E>) -> Result<(), E> {
    if let Some(trace) = TraceContext::current() {
        show("trace_id", &trace.trace_id().into())?;
    }
    let shown =
        CURRENT.try_with(|fields| fields.borrow().iter().try_for_each(|(key, value)| show(key, value)));
    shown.unwrap_or(Ok(()))
}
