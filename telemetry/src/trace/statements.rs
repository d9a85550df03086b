//! What databases are asked, as steps of the running trace. sqlx tells of each statement, and of each connection that was
//! waited for, when it is over.

use std::{fmt::Debug, time::Duration};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::{Layer, filter::Targets, layer::Context};

use super::{Described, Kind, Span, TRACER, TraceContext};

/// Where sqlx tells of a statement.
pub const QUERY: &str = "sqlx::query";
/// Where it tells of a connection that was waited for.
const ACQUIRE: &str = "sqlx::pool::acquire";
/// Who has a connection sooner hasn't waited.
const A_WAIT: Duration = Duration::from_millis(1);

/// Turns what sqlx tells into spans. To be the outermost layer: sqlx asks whether somebody wants to know, before it puts the
/// texts together, and is told so only for a trace that is kept, or where log lines want it.
pub struct Statements {
    /// From which level on there are log lines.
    pub lines: Targets,
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    [QUERY, ACQUIRE].contains(&metadata.target())
}

fn is_kept() -> bool {
    TRACER.get().is_some() && TraceContext::current().is_some_and(TraceContext::is_sampled)
}

impl<S: Subscriber> Layer<S> for Statements {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.lines.would_enable(metadata.target(), metadata.level()) {
            _ if is_ours(metadata) => Interest::sometimes(),
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        (is_ours(metadata) && is_kept()) || self.lines.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(Layer::<S>::max_level_hint(&self.lines)?.max(LevelFilter::DEBUG))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !is_ours(event.metadata()) || !is_kept() {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        let (kind, described) = if event.metadata().target() == QUERY {
            let described = Described::new(name(&told.text)).with("db.system.name", "postgresql");
            (
                Kind::Client,
                described.with("db.response.returned_rows", told.rows).with("db.query.text", told.text),
            )
        } else if told.took >= A_WAIT {
            (Kind::Internal, Described::new("wait for a connection"))
        } else {
            return;
        };
        if let Some(span) = Span::child(kind) {
            span.begun_before(told.took).end(false, || described);
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Told {
    text: String,
    rows: i64,
    took: Duration,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        // The beginning, and the whole where that is longer.
        if field.name() == "summary" || (field.name() == "db.statement" && !value.is_empty()) {
            value.trim().clone_into(&mut self.text);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if ["elapsed_secs", "acquired_after_secs"].contains(&field.name()) {
            self.took = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = i64::try_from(value).unwrap_or(i64::MAX);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// What a statement does, to which table: `INSERT posts`.
fn name(statement: &str) -> String {
    let mut words =
        statement.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let operation = words.clone().next().unwrap_or_default().to_uppercase();
    let names_table =
        |word: &&str| ["FROM", "INTO", "UPDATE"].iter().any(|before| before.eq_ignore_ascii_case(word));
    match words.find(names_table).and_then(|_| words.next()) {
        Some(table) => format!("{operation} {table}"),
        None => operation,
    }
}

#[cfg(test)]
mod tests {
    use tracing::{Level, enabled, subscriber::with_default};
    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::*;

    #[test]
    fn who_serves_no_trace_that_is_kept_is_not_asked_for_statements_but_for_log_lines() {
        for (level, wanted) in [("info", false), ("debug", true), ("info,sqlx::query=debug", true)] {
            let lines: Targets = level.parse().unwrap();
            let layer = tracing_subscriber::fmt::layer().with_filter(lines.clone());
            with_default(registry().with(layer).with(Statements { lines }), || {
                assert_eq!(enabled!(target: "sqlx::query", Level::DEBUG), wanted, "{level}");
                assert!(enabled!(target: "sqlx::query", Level::WARN), "{level}");
                assert!(enabled!(target: "another", Level::INFO), "{level}");
            });
        }
    }

    #[test]
    fn a_statement_is_named_by_what_it_does_to_which_table() {
        for (statement, expected) in [
            ("SELECT id, text FROM posts WHERE id = $1 FOR UPDATE", "SELECT posts"),
            ("insert into\n  posts (id) VALUES ($1) ON CONFLICT DO UPDATE SET x = 1", "INSERT posts"),
            ("UPDATE outbox SET published = true", "UPDATE outbox"),
            ("DELETE FROM idempotency_keys WHERE true", "DELETE idempotency_keys"),
            ("SELECT outbox_maintain(make_interval(secs => $1))", "SELECT"),
            ("COMMIT", "COMMIT"),
            ("", ""),
        ] {
            assert_eq!(name(statement), expected);
        }
    }
}
