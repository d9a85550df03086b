//! A piece of work that is measured as part of a trace.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    pin::pin,
    time::{Duration, SystemTime},
};

use super::{DROPPED, TRACER, TraceContext};

/// Which part of a conversation a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None: work within the process.
    Internal,
    /// Answers a request.
    Server,
    /// Asks another process, and waits.
    Client,
    /// Hands something on that others take later.
    Producer,
    /// Takes what a producer handed on.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
}

/// What is to be said of a piece of work.
#[derive(Clone, Debug)]
pub struct Described {
    pub(super) name: Cow<'static, str>,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<String>,
}

/// A piece of work that has begun.
#[derive(Debug)]
#[must_use]
pub struct Span {
    context: TraceContext,
    parent: Option<TraceContext>,
    kind: Kind,
    started: SystemTime,
}

/// A piece of work that is over.
pub(super) struct Finished {
    pub(super) context: TraceContext,
    pub(super) parent: Option<TraceContext>,
    pub(super) kind: Kind,
    pub(super) started: SystemTime,
    pub(super) ended: SystemTime,
    pub(super) described: Described,
}

impl Described {
    /// Names the work; the name has no parts that vary much.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), error: None }
    }

    /// Adds an attribute, named as in OpenTelemetry's semantic conventions where they know it.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    /// Says that the work failed, and why.
    #[must_use]
    pub fn failed(mut self, error: impl Display) -> Self {
        self.error = Some(error.to_string());
        self
    }
}

impl Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(number) => number.fmt(formatter),
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl Span {
    /// Begins with what came from outside of the process: it goes on with the trace that came along, or begins one.
    pub fn entry(kind: Kind, parent: Option<TraceContext>) -> Self {
        let context = parent.map_or_else(TraceContext::start, TraceContext::child);
        Self { context, parent, kind, started: SystemTime::now() }
    }

    /// [`Self::entry`] for a caller that may be anybody: a trace that is to be kept is kept within bounds only.
    pub fn entry_from_anybody(kind: Kind, parent: Option<TraceContext>) -> Self {
        Self::entry(kind, parent.map(TraceContext::bounded))
    }

    /// A step of the running trace, if there is one.
    pub fn child(kind: Kind) -> Option<Self> {
        TraceContext::current().map(|parent| Self::entry(kind, Some(parent)))
    }

    /// The same, of work that began so long ago.
    pub(super) fn begun_before(self, took: Duration) -> Self {
        Self { started: self.started.checked_sub(took).unwrap_or(self.started), ..self }
    }

    /// What to hand on to those who continue the work elsewhere.
    pub fn context(&self) -> TraceContext {
        self.context
    }

    /// Runs the work, or a part of it.
    pub fn run<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.context.scope(work)
    }

    /// The work is over. It is described only if the span is kept: the trace is, or it `failed`.
    pub fn end(self, failed: bool, describe: impl FnOnce() -> Described) {
        let Some(tracer) = TRACER.get() else { return };
        if !failed && !self.context.is_sampled() {
            return;
        }
        let Self { context, parent, kind, started } = self;
        let ended = SystemTime::now();
        let finished = Finished { context, parent, kind, started, ended, described: describe() };
        if tracer.queue.try_send(finished).is_err() {
            metrics::counter!(DROPPED.name, "reason" => "queue-full").increment(1);
        }
    }
}

/// Runs `work` as a step of the running trace, if there is one.
pub async fn step<T, E: Display>(
    kind: Kind,
    describe: impl FnOnce() -> Described,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    // once in memory, not once for each of the two ways
    let work = pin!(work);
    let Some(span) = Span::child(kind) else { return work.await };
    let result = span.run(work).await;
    match &result {
        Ok(_) => span.end(false, describe),
        Err(error) => span.end(true, || describe().failed(error)),
    }
    result
}
