//! Where a request came from. Anybody can write `X-Forwarded-For`, so it counts only as far as proxies of ours wrote
//! it: each adds, on the right, the address that it was called from.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use http::{HeaderMap, request::Parts};

/// The address of the client as far as it is known; IPv4 written as IPv6 is IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address itself.
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// What one subscriber has at least: the address, of IPv6 the first 64 bits.
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        }
    }

    /// The client behind `hops` proxies of ours, the last of which is `peer`.
    fn behind(hops: usize, peer: IpAddr, headers: &HeaderMap) -> Self {
        let forwarded: Vec<_> = headers
            .get_all("x-forwarded-for")
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .collect();
        let named = hops.checked_sub(1).and_then(|nth| {
            // a proxy that was left out wrote nothing
            let nth = nth.min(forwarded.len().checked_sub(1)?);
            parse(std::str::from_utf8(forwarded.iter().rev().nth(nth)?).ok()?.trim())
        });
        Self(named.unwrap_or(peer).to_canonical())
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

/// With or without port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Notes the address, found behind `hops` proxies of ours, for [`ClientAddress`] to be taken as an argument.
pub(crate) fn note(hops: usize, request: &mut Request) {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    // without a connection there is nobody to tell apart: tests of a router alone
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let address = ClientAddress::behind(hops, peer, request.headers());
    request.extensions_mut().insert(address);
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let noted = parts.extensions.get::<Self>().copied();
        Ok(noted.unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.1";

    fn behind(hops: usize, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        ClientAddress::behind(hops, PEER.parse().unwrap(), &headers).ip().to_string()
    }

    #[test]
    fn only_what_our_own_proxies_wrote_counts() {
        let header = ["6.6.6.6, 203.0.113.7", "192.0.2.1"];
        assert_eq!(behind(0, &header), PEER);
        assert_eq!(behind(1, &header), "192.0.2.1");
        assert_eq!(behind(2, &header), "203.0.113.7");
        // fewer entries than proxies: the farthest one that there is
        assert_eq!(behind(9, &["203.0.113.7, 192.0.2.1"]), "203.0.113.7");
        for nothing in [&[][..], &["unknown"], &[""], &["203.0.113.7, _hidden"]] {
            assert_eq!(behind(1, nothing), PEER, "{nothing:?}");
        }
    }

    #[test]
    fn addresses_come_with_ports_brackets_and_as_ipv6() {
        for (text, address) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(behind(1, &[text]), address);
        }
    }

    #[test]
    fn a_subscriber_has_one_ipv4_address_or_64_bits_of_ipv6() {
        let network = |text: &str| ClientAddress::from(text.parse::<IpAddr>().unwrap()).network().to_string();
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_before_doesn_t_move_the_address(
            invented in "[0-9a-f.:, ]{0,60}", hops in 1_usize..3
        ) {
            let ours = ["203.0.113.7", "192.0.2.1"];
            let with = behind(hops, &[invented.as_str(), ours[0], ours[1]]);
            prop_assert_eq!(with, behind(hops, &ours));
        }
    }
}
