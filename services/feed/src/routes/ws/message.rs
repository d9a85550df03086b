//! What is said over a WebSocket.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracklore_platform::time::Timestamp;

use crate::live::{follower::Event, scope::Scope};

/// Lists that one connection may listen to.
const MAX_SCOPES: usize = 20;

/// A client's message: exactly one of `token` and `subscribe`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    token: Option<String>,
    subscribe: Option<Vec<String>>,
    after: Option<String>,
}

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// To be known by this token.
    Token(String),
    /// To be told of these from now on, or from the cursor on.
    Subscribe(Vec<Scope>, Option<String>),
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Reply<'a> {
    /// The token was accepted.
    Authenticated {
        /// Until when.
        expires_at: Timestamp,
    },
    /// From here on these are told.
    Subscribed {
        /// What.
        scopes: Vec<String>,
        /// Where.
        cursor: String,
    },
    /// Something isn't right, and the connection ends.
    Error {
        /// Stable, as in problem details.
        code: &'a str,
        /// For people.
        detail: &'a str,
    },
}

#[derive(Serialize)]
struct Told<'a> {
    event: &'static str,
    scope: String,
    cursor: &'a str,
    data: Option<&'a RawValue>,
}

impl Request {
    /// Reads a message; what is wrong with it otherwise.
    pub fn of(text: &str) -> Result<Self, String> {
        let message: Message = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match message {
            Message { token: Some(token), subscribe: None, after: None } => Ok(Self::Token(token)),
            Message { token: None, subscribe: Some(scopes), after } if scopes.len() <= MAX_SCOPES => {
                let mut wanted = Vec::with_capacity(scopes.len());
                for scope in scopes {
                    let scope: Scope = scope.parse().map_err(|error| format!("{scope}: {error}"))?;
                    if !wanted.contains(&scope) {
                        wanted.push(scope);
                    }
                }
                Ok(Self::Subscribe(wanted, after))
            }
            Message { subscribe: Some(_), token: None, .. } => Err(format!("at most {MAX_SCOPES} lists")),
            _ => Err("either token or subscribe".to_owned()),
        }
    }
}

impl Reply<'_> {
    /// As it is sent.
    pub fn text(&self) -> String {
        // numbers and strings always serialise
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// An event as it is sent.
pub fn text(event: &Event) -> String {
    let data = event.told.data();
    let data = serde_json::from_slice(&data).ok();
    let told = Told { event: event.told.name(), scope: event.scope.to_string(), cursor: &event.cursor, data };
    serde_json::to_string(&told).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::scope::Told;

    #[test]
    fn a_message_is_a_token_or_a_subscription() {
        assert_eq!(Request::of(r#"{"token":"t"}"#), Ok(Request::Token("t".to_owned())));
        assert_eq!(
            Request::of(r#"{"subscribe":["global","home","global"],"after":"c"}"#),
            Ok(Request::Subscribe(vec![Scope::Global, Scope::Home], Some("c".to_owned())))
        );
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"token":"t","subscribe":[]}"#,
            r#"{"subscribe":["x"]}"#,
            r#"{"after":"c"}"#,
            r#"{"subscribe":"global"}"#,
            r#"{"hello":1}"#,
        ] {
            assert!(Request::of(bad).is_err(), "{bad}");
        }
        let many: Vec<_> = (1..=21).map(|id| format!("user:{id}")).collect();
        assert!(Request::of(&serde_json::json!({"subscribe": many}).to_string()).is_err());
    }

    #[test]
    fn events_name_their_list_and_carry_their_data_as_it_is() {
        let told = Told::Updated(bytes::Bytes::from_static(br#"{"n":1e3}"#));
        let event = Event { cursor: "c".to_owned(), scope: Scope::Global, told, trace: None };
        assert_eq!(
            text(&event),
            r#"{"event":"activity.updated","scope":"global","cursor":"c","data":{"n":1e3}}"#
        );
        let error = Reply::Error { code: "x", detail: "y" };
        assert_eq!(error.text(), r#"{"event":"error","code":"x","detail":"y"}"#);
    }
}
