//! `GET /v1/feed/stream`: live updates as server-sent events.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tracklore_platform::{
    extract::Query,
    problem::{Problem, ProblemBody},
    token::OptionalUser,
};
use utoipa::IntoParams;

use crate::{
    document::StreamEvent,
    error::Error,
    live::{
        connection::{End, HEARTBEAT, Slot},
        follower::{Event, Follower},
        scope::Scope,
    },
    state::AppState,
};

/// Milliseconds after which a cut client comes back.
const RETRY: u32 = 2_000;

/// What to listen to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// `global`, `home`, or `user:{id}`.
    #[param(example = "global", pattern = "^(global|home|user:[1-9][0-9]{0,14})$")]
    scope: String,
    /// Instead of a token, from `POST /v1/feed/stream/ticket`.
    ticket: Option<String>,
}

/// Live updates of a list, as server-sent events.
///
/// | event | data |
/// |---|---|
/// | `activity.created`, `activity.updated` | the activity |
/// | `activity.removed` | `{"id": …}` |
/// | `reset` | `{}`: something may have been missed, or the caller follows others now; read the list anew |
///
/// Each event has an id. Sent back as `Last-Event-ID`, nothing after it is missed, as long as the log of changes still
/// holds it; else the first event is `reset`. Changes are never merged into one another. An update or a removal may
/// concern an activity that the client doesn't have. Read the list after the stream has begun: then nothing falls
/// between. The stream ends with the token; a comment comes every 15 seconds.
#[utoipa::path(
    get,
    path = "/v1/feed/stream",
    operation_id = "stream_feed",
    tag = "live",
    security((), ("bearer" = [])),
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has seen"),
    ),
    responses(
        (status = 200, description = "Events until the token or the connection ends", body = StreamEvent,
         content_type = "text/event-stream"),
        (status = 400, description = "`malformed-request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`invalid-token`: the token or ticket isn't valid; `token-missing`: `home` needs one",
         body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`, or too many connections", body = ProblemBody,
         content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
    )
)]
pub async fn listen(
    State(state): State<AppState>,
    OptionalUser(user): OptionalUser,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let scope: Scope = query
        .scope
        .parse()
        .map_err(|error| Problem::malformed(format!("Bad query parameter scope: {error}.")))?;
    let slot = state.live.enter("sse")?;
    let user = state.live.listener(user, query.ticket.as_deref()).await?;
    let cursor = headers.get("last-event-id").map(|value| value.to_str().unwrap_or_default());
    let follower = state.live.follow(&[scope], user.as_ref(), cursor).await?;
    let end = state.live.end(user.as_ref());
    let mut heartbeat = interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream { follower, end, heartbeat, begun: false, _slot: slot };
    let body = Body::from_stream(stream::unfold(stream, Stream::next));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // for proxies that would collect an answer before they hand it on
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, body).into_response())
}

struct Stream {
    follower: Follower,
    end: End,
    heartbeat: Interval,
    begun: bool,
    _slot: Slot,
}

impl Stream {
    /// The next piece of the body. Asked for when the client has taken the one before, so nothing piles up here.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.begun {
            self.begun = true;
            let start =
                format!("retry: {RETRY}\nid: {}\n: here we go\n\n", self.follower.position().cursor());
            return Some((Ok(start.into()), self));
        }
        let piece = tokio::select! {
            _ = self.end.come() => return None,
            _ = self.heartbeat.tick() => Bytes::from_static(b":\n\n"),
            event = self.follower.next() => match event {
                Ok(event) => {
                    event.tell_trace("sse");
                    text(&event)
                }
                Err(error) => {
                    // the client comes back with the last id
                    tracing::debug!(%error, "a stream ends");
                    return None;
                }
            },
        };
        Some((Ok(piece), self))
    }
}

/// An event as the HTML standard writes it.
fn text(event: &Event) -> Bytes {
    let data = event.told.data();
    let mut text = BytesMut::with_capacity(data.len() + 128);
    text.put_slice(format!("id: {}\nevent: {}\n", event.cursor, event.told.name()).as_bytes());
    // JSON has line ends between its tokens only, if at all
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        text.put_slice(b"data: ");
        text.put_slice(line);
        text.put_slice(b"\n");
    }
    text.put_slice(b"\n");
    text.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::scope::Told;

    #[test]
    fn an_event_is_written_line_by_line() {
        let told = Told::Created(Bytes::from_static(b"{\"a\":\n1}"));
        let event = Event { cursor: "c1".to_owned(), scope: Scope::Global, told, trace: None };
        assert_eq!(text(&event), "id: c1\nevent: activity.created\ndata: {\"a\":\ndata: 1}\n\n");
    }
}
