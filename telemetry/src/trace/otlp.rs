//! Spans as OpenTelemetry's protocol writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};

use super::{
    Kind, Value,
    span::{Described, Finished},
};

/// The process that the spans are of.
pub(super) fn resource(service: &str, version: &str, more: &[(String, String)]) -> Resource {
    // in a pod the host name is the pod's
    let instance = std::env::var("HOSTNAME").unwrap_or_else(|_| format!("{:016x}", rand::random::<u64>()));
    let own = [("service.name", service), ("service.version", version), ("service.instance.id", &instance)];
    let own = own.into_iter().chain(more.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    Resource {
        attributes: own.map(|(key, value)| pair(key, Value::Text(value.to_owned().into()))).collect(),
        ..Resource::default()
    }
}

/// What is sent for these spans.
pub(super) fn request(resource: &Resource, spans: Vec<Finished>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "tracklore".to_owned(), ..InstrumentationScope::default() };
    let spans = spans.into_iter().map(span).collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn span(finished: Finished) -> Span {
    let Finished { context, parent, kind, started, ended, described } = finished;
    let Described { name, attributes, error } = described;
    let kind = match kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
    };
    Span {
        trace_id: context.trace_id_bytes().to_vec(),
        span_id: context.span_id_bytes().to_vec(),
        parent_span_id: parent.map(|parent| parent.span_id_bytes().to_vec()).unwrap_or_default(),
        flags: u32::from(context.is_sampled()),
        name: name.into_owned(),
        kind: kind.into(),
        start_time_unix_nano: nanoseconds(started),
        end_time_unix_nano: nanoseconds(ended),
        attributes: attributes.into_iter().map(|(key, value)| pair(key, value)).collect(),
        status: error.map(|message| Status { message, code: StatusCode::Error.into() }),
        ..Span::default()
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text.into_owned()),
        Value::Number(number) => any_value::Value::IntValue(number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
