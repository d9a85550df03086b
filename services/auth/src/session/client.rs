//! What a request tells of the device behind it, for its user to recognise it by: in the list of sessions and in the
//! audit trail.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header, request::Parts};
use tracklore_platform::client_address::ClientAddress;

use crate::state::AppState;

/// Longer names of browsers are cut.
const MAX_USER_AGENT: usize = 400;

/// The device of a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where it calls from.
    pub address: ClientAddress,
    /// What it calls itself.
    pub user_agent: Option<String>,
}

impl FromRequestParts<AppState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self { address, user_agent: user_agent(&parts.headers) })
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(name.chars().take(MAX_USER_AGENT).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_and_one_that_is_no_text_left_out() {
        let of = |value: &[u8]| {
            user_agent(&HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_bytes(value).unwrap())]))
        };
        assert_eq!(of(b"curl/8").as_deref(), Some("curl/8"));
        assert_eq!(of(&[b'x'; 1000]).unwrap().len(), MAX_USER_AGENT);
        assert_eq!(of(b"\xff\xfe"), None);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }
}
