//! Log lines on standard output: one JSON object each, or text for people at a terminal.
//!
//! A level says what a person must do. `error`: look at it, it doesn't mend itself. `warn`: nothing yet, the program
//! goes on trying; look when it doesn't stop. `info`: nothing. `debug`: for developers.

mod about;

use std::{
    fmt::{self, Write as _},
    io::IsTerminal,
    str::FromStr,
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    field::RecordFields,
    filter::Targets,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{DefaultFields, Writer},
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
};

pub use self::about::{About, note};
use crate::trace::{
    Value,
    statements::{self, Statements},
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
    let lines = tracing_subscriber::fmt::layer();
    let layer = match format {
        LogFormat::Json => lines.fmt_fields(Members).event_format(Lines).boxed(),
        LogFormat::Text => lines.with_ansi(std::io::stdout().is_terminal()).event_format(Text).boxed(),
    };
    let levels = levels(filter);
    let statements = Statements { lines: levels.clone() };
    let lines = tracing_subscriber::registry().with(layer.with_filter(levels)).with(statements);
    // a second call (tests) keeps the first ones
    drop(tracing::subscriber::set_global_default(lines));
    if log::set_logger(&Libraries).is_ok() {
        log::set_max_level(log::LevelFilter::Debug);
    }
}

/// From which level on what is told, by target. A part that says nothing isn't there.
fn levels(filter: &str) -> Targets {
    let parts: Vec<_> = filter.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let info = || Targets::new().with_default(tracing::Level::INFO);
    if parts.is_empty() { info() } else { parts.join(",").parse().unwrap_or_else(|_| info()) }
}

/// Takes what libraries log in the older way. What they call an error is for us something that is tried again: whether a
/// person must do something is said by those who call them.
struct Libraries;

impl log::Log for Libraries {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // It tells of statements in the newer way, and asks here as well whether it is worth the trouble.
        metadata.target() != statements::QUERY
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

/// `{"timestamp", "level", "target", "trace_id", what the work is about, the event's own fields with "message"}`, all on one
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
        let mut member = Member { line: line.by_ref(), result: Ok(()) };
        about::each(|key, value| {
            match value {
                Value::Text(_) => member.text(key, format_args!("{value}")),
                Value::Number(_) => member.plain(key, value),
            }
            member.result
        })?;
        context.format_fields(line.by_ref(), event)?;
        line.write_str("}\n")
    }
}

/// The time, the level, where it comes from, the event's fields, and what the work is about.
struct Text;

impl<S> FormatEvent<S, DefaultFields> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, DefaultFields>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let meta = event.metadata();
        SystemTime.format_time(&mut line)?;
        write!(line, " {:>5} {}: ", meta.level(), meta.target())?;
        context.format_fields(line.by_ref(), event)?;
        about::each(|key, value| write!(line, " {key}={value}"))?;
        line.write_char('\n')
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
}

struct Member<'writer> {
    line: Writer<'writer>,
    result: fmt::Result,
}

impl Member<'_> {
    /// A value that is JSON as it stands.
    fn plain(&mut self, key: &str, value: impl fmt::Display) {
        self.add(|line| write!(line, ",\"{key}\":{value}"));
    }

    fn text(&mut self, key: &str, value: fmt::Arguments<'_>) {
        self.add(|line| {
            write!(line, ",\"{key}\":\"")?;
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
        self.text(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let key = field.name();
        if value.is_finite() { self.plain(key, value) } else { self.text(key, format_args!("{value}")) }
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
    fn a_filter_names_a_level_or_levels_by_target_and_what_is_no_filter_is_info() {
        use tracing::Level;
        for (filter, target, least) in [
            ("debug", "any", Level::DEBUG),
            ("info,", "any", Level::INFO),
            ("warn, tracklore_auth=trace", "tracklore_auth::routes", Level::TRACE),
            ("warn, tracklore_auth=trace", "sqlx", Level::WARN),
            ("", "any", Level::INFO),
            ("tracklore=loud", "any", Level::INFO),
        ] {
            let told = |level| levels(filter).would_enable(target, &level);
            let all = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
            assert_eq!(all.into_iter().filter(|level| told(*level)).max(), Some(least), "{filter:?}");
        }
    }

    #[test]
    fn text_for_people_is_one_line_with_what_the_work_is_about_at_its_end() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(Text);
        let lines = tracing_subscriber::registry().with(lines.with_writer(move || writer.clone()));
        tracing::subscriber::with_default(lines, || {
            about(About::default().with("offset", 7_i64), || tracing::warn!(status = 503, "away"));
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(
            text.ends_with("  WARN tracklore_telemetry::log::tests: away status=503 offset=7\n"),
            "{text:?}"
        );
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

    /// Work that is over at once, run about something.
    fn about(about: About, work: impl FnOnce()) {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(about.scope(async { work() }));
    }

    #[test]
    fn whatever_is_told_comes_back_and_what_is_learnt_later_stands_beside_it() {
        let odd: String = (0..=0x2028).filter_map(char::from_u32).collect();
        let lines = logged(|| {
            about(About::default().with("known", "at once").with("offset", 7_i64), || {
                note("user_id", "7");
                tracing::info!(odd, negative = -1, share = 0.5, none = f64::NAN, yes = true, debugged = ?Some("x"), "told");
            });
        });
        let line = &lines[0];
        assert_eq!(line["odd"], odd);
        assert_eq!((&line["known"], &line["user_id"]), (&"at once".into(), &"7".into()));
        assert_eq!(line["offset"], 7);
        assert_eq!((line["negative"].as_i64(), line["share"].as_f64()), (Some(-1), Some(0.5)));
        assert_eq!((&line["none"], &line["yes"]), (&"NaN".into(), &true.into()));
        assert_eq!(line["debugged"], "Some(\"x\")");
    }

    #[test]
    fn a_line_is_one_flat_object_with_what_the_work_is_about() {
        use crate::trace::TraceContext;
        let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
        let lines = logged(|| {
            tracing::info!("before");
            let work =
                trace.scope(About::default().with("request_id", "r {\"1\"}".to_owned()).scope(async {
                    tracing::info!(status = 200, "answered \"well\"\nand {{truly}}");
                    let _deeper = tracing::info_span!("empty").entered();
                    tracing::warn!("away");
                }));
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
        });
        let [before, first, second] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(before.get("trace_id").is_none());
        assert_eq!(first["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(first["request_id"], "r {\"1\"}");
        assert_eq!((first["level"].as_str(), first["status"].as_u64()), (Some("INFO"), Some(200)));
        assert_eq!(first["message"], "answered \"well\"\nand {truly}");
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!((&second["message"], &second["trace_id"]), (&"away".into(), &first["trace_id"]));
    }
}
