//! What databases are asked, as steps of the running trace. sqlx tells of each statement, and of each wait for a connection,
//! when it is over; of a trace that isn't kept it needn't.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::{
    Layer,
    filter::dynamic_filter_fn,
    layer::{Context, Filter},
    registry::LookupSpan,
};

use super::{Described, Kind, Span, TraceContext};

/// Where sqlx tells of a statement.
pub const QUERY: &str = "sqlx::query";
/// Where it tells of a connection that was waited for.
const ACQUIRE: &str = "sqlx::pool::acquire";
/// Who has a connection sooner hasn't waited.
const A_WAIT: Duration = Duration::from_millis(1);

/// Turns what sqlx tells into spans.
pub struct Statements;

/// Lets through what [`Statements`] is for.
pub fn of_kept_traces<S: Subscriber>() -> impl Filter<S> {
    let is_ours = |metadata: &Metadata<'_>| [QUERY, ACQUIRE].contains(&metadata.target());
    dynamic_filter_fn(move |metadata, _: &Context<'_, S>| {
        is_ours(metadata) && TraceContext::current().is_some_and(TraceContext::is_sampled)
    })
    .with_callsite_filter(
        move |metadata| if is_ours(metadata) { Interest::sometimes() } else { Interest::never() },
    )
    .with_max_level_hint(LevelFilter::DEBUG)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
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
        let Some(parent) = TraceContext::current() else { return };
        let started = SystemTime::now().checked_sub(told.took).unwrap_or_else(SystemTime::now);
        Span { context: parent.child(), parent: Some(parent), kind, started }.end(false, || described);
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
    use super::*;

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
