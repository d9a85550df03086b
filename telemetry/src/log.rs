//! Log lines on standard output: one JSON object each, or text for people at a terminal.
//!
//! A level says what a person must do. `error`: look at it, it doesn't mend itself. `warn`: nothing yet, the program
//! goes on trying; look when it doesn't stop. `info`: nothing. `debug`: for developers.

use std::{
    fmt::{self, Write as _},
    io::IsTerminal,
    str::FromStr,
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("use json or text"),
        }
    }
}

/// Starts logging to standard output. `filter` is a level or a list of `target=level`; one that can't be read counts as
/// `info`.
pub fn start(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer();
    let layer = match format {
        LogFormat::Json => lines.fmt_fields(Members).event_format(Lines).boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stdout().is_terminal()).boxed(),
    };
    let lines = tracing_subscriber::registry().with(layer.with_filter(filter));
    // a second call (tests) keeps the first ones
    drop(tracing::subscriber::set_global_default(lines));
    if log::set_logger(&Libraries).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// Takes what libraries log in the older way. What they call an error is for us something that is tried again: whether a
/// person must do something is said by those who call them.
struct Libraries;

impl log::Log for Libraries {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let (library, text) = (record.target(), record.args());
        match record.level() {
            log::Level::Error | log::Level::Warn => tracing::warn!(target: "libraries", library, "{text}"),
            log::Level::Info => tracing::info!(target: "libraries", library, "{text}"),
            log::Level::Debug | log::Level::Trace => tracing::debug!(target: "libraries", library, "{text}"),
        }
    }

    fn flush(&self) {}
}

/// `{"timestamp", "level", "target", the fields of the surrounding spans, the event's own with "message"}`, all on one
/// level, so that whoever searches for a `trace_id` finds every line of it.
struct Lines;

impl<S> FormatEvent<S, Members> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Members>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let meta = event.metadata();
        line.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut line)?;
        write!(line, "\",\"level\":\"{}\",\"target\":\"{}\"", meta.level(), meta.target())?;
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(fields) = span.extensions().get::<FormattedFields<Members>>() {
                line.write_str(fields)?;
            }
        }
        context.format_fields(line.by_ref(), event)?;
        line.write_str("}\n")
    }
}

/// Fields as members of a JSON object, a comma before each.
struct Members;

impl<'writer> FormatFields<'writer> for Members {
    fn format_fields<R: RecordFields>(&self, line: Writer<'writer>, fields: R) -> fmt::Result {
        let mut member = Member { line, result: Ok(()) };
        fields.record(&mut member);
        member.result
    }

    fn add_fields(&self, known: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        self.format_fields(known.as_writer(), fields)
    }
}

struct Member<'writer> {
    line: Writer<'writer>,
    result: fmt::Result,
}

impl Member<'_> {
    /// A value that is JSON as it stands.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.add(|line| write!(line, ",\"{}\":{value}", field.name()));
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.add(|line| {
            write!(line, ",\"{}\":\"", field.name())?;
            Escaped(line).write_fmt(value)?;
            line.write_char('"')
        });
    }

    fn add(&mut self, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = write(&mut self.line);
        }
    }
}

impl Visit for Member<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.plain(field, value) } else { self.text(field, format_args!("{value}")) }
    }
}

/// What is written inside the quotes of a JSON string (RFC 8259 §7).
struct Escaped<'line, 'writer>(&'line mut Writer<'writer>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(|c: char| c == '"' || c == '\\' || c.is_ascii_control()) {
            let mut plain = part.chars();
            match plain.next_back() {
                Some(c @ ('"' | '\\')) => write!(self.0, "{}\\{c}", plain.as_str()),
                Some(c) if c.is_ascii_control() => {
                    write!(self.0, "{}\\u{:04x}", plain.as_str(), u32::from(c))
                }
                _ => self.0.write_str(part),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged meanwhile, a JSON object a line.
    fn logged(work: impl FnOnce()) -> Vec<serde_json::Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer()
            .fmt_fields(Members)
            .event_format(Lines)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_a_library_calls_an_error_is_no_alarm_and_names_it() {
        let lines = logged(|| {
            let record = log::Record::builder()
                .level(log::Level::Error)
                .target("rdkafka::client")
                .args(format_args!("all brokers are down"))
                .build();
            log::Log::log(&Libraries, &record);
        });
        let line = &lines[0];
        assert_eq!((line["level"].as_str(), line["target"].as_str()), (Some("WARN"), Some("libraries")));
        assert_eq!(
            (line["library"].as_str(), line["message"].as_str()),
            (Some("rdkafka::client"), Some("all brokers are down"))
        );
    }

    #[test]
    fn whatever_is_told_comes_back_and_what_is_learnt_later_stands_beside_it() {
        let odd: String = (0..=0x2028).filter_map(char::from_u32).collect();
        let lines = logged(|| {
            let span = tracing::error_span!("request", known = "at once", user_id = tracing::field::Empty);
            let _inside = span.enter();
            span.record("user_id", tracing::field::display(7));
            tracing::info!(odd, negative = -1, share = 0.5, none = f64::NAN, yes = true, debugged = ?Some("x"), "told");
        });
        let line = &lines[0];
        assert_eq!(line["odd"], odd);
        assert_eq!((&line["known"], &line["user_id"]), (&"at once".into(), &"7".into()));
        assert_eq!((line["negative"].as_i64(), line["share"].as_f64()), (Some(-1), Some(0.5)));
        assert_eq!((&line["none"], &line["yes"]), (&"NaN".into(), &true.into()));
        assert_eq!(line["debugged"], "Some(\"x\")");
    }

    #[test]
    fn a_line_is_one_flat_object_with_the_fields_of_its_spans() {
        let lines = logged(|| {
            let span = tracing::error_span!("request", trace_id = "4bf9", request_id = "r {\"1\"}");
            let _inside = span.enter();
            tracing::info!(status = 200, "answered \"well\"\nand {{truly}}");
            let _deeper = tracing::info_span!("empty").entered();
            tracing::warn!("away");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        let first = &lines[0];
        assert_eq!(
            (first["trace_id"].as_str(), first["request_id"].as_str()),
            (Some("4bf9"), Some("r {\"1\"}"))
        );
        assert_eq!((first["level"].as_str(), first["status"].as_u64()), (Some("INFO"), Some(200)));
        assert_eq!(first["message"], "answered \"well\"\nand {truly}");
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(
            (lines[1]["message"].as_str(), lines[1]["trace_id"].as_str()),
            (Some("away"), Some("4bf9"))
        );
    }
}
