//! W3C trace context (<https://www.w3.org/TR/trace-context/>): taken from a request or made, kept for the task
//! that serves it, written into logs, outgoing calls and events.

use std::{fmt, str::FromStr};

use rand::random;

use super::TRACER;

/// The header that carries a trace between processes.
pub const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// One step of a trace: `00-<trace id>-<span id>-<flags>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// A new trace; whether it is kept is decided here.
    pub fn start() -> Self {
        let trace_id = random::<u128>().max(1);
        let sampled = TRACER.get().is_some_and(|tracer| tracer.sampler.keeps(trace_id));
        Self { trace_id, span_id: random::<u64>().max(1), sampled }
    }

    /// The next step of the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span_id: random::<u64>().max(1), ..self }
    }

    /// The same, kept within the bounds of what callers may ask for.
    #[must_use]
    pub(super) fn bounded(self) -> Self {
        let allowed = || TRACER.get().is_none_or(|tracer| tracer.sampler.keeps_asked(self.trace_id));
        Self { sampled: self.sampled && allowed(), ..self }
    }

    /// Whether the trace is kept.
    pub fn is_sampled(self) -> bool {
        self.sampled
    }

    /// The trace id as 32 hexadecimal digits.
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub(super) fn trace_id_bytes(self) -> [u8; 16] {
        self.trace_id.to_be_bytes()
    }

    pub(super) fn span_id_bytes(self) -> [u8; 8] {
        self.span_id.to_be_bytes()
    }

    /// The trace that the running task serves, if it serves one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|context| *context).ok()
    }

    /// Runs `work` as part of this trace.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(formatter, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// A `traceparent` that isn't one; it is ignored, as the standard asks.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a W3C traceparent")]
pub struct InvalidTraceparent;

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let lower_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let mut parts = text.trim().split('-');
        let mut next = |length| parts.next().filter(|p| lower_hex(p, length)).ok_or(InvalidTraceparent);
        let (version, trace, span, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        // versions after 00 may append fields; ff is forbidden
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return Err(InvalidTraceparent);
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace, 16).map_err(|_| InvalidTraceparent)?,
            span_id: u64::from_str_radix(span, 16).map_err(|_| InvalidTraceparent)?,
            sampled: u8::from_str_radix(flags, 16).map_err(|_| InvalidTraceparent)? & 1 == 1,
        };
        if context.trace_id == 0 || context.span_id == 0 { Err(InvalidTraceparent) } else { Ok(context) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_survives_reading_and_writing() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), text);
        let unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        assert_eq!(unsampled.parse::<TraceContext>().unwrap().child().to_string().get(53..), Some("00"));
        let child = text.parse::<TraceContext>().unwrap().child();
        assert_eq!(child.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(child.to_string(), text);
    }

    #[test]
    fn garbage_zero_ids_and_forbidden_versions_are_refused() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(bad.parse::<TraceContext>(), Err(InvalidTraceparent), "{bad}");
        }
    }
}
