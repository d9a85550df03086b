//! Which addresses may stand as a picture in a profile. Other people's clients load it, so it must not lead them to
//! something that isn't a public picture: no other scheme, no bare IP address, no credentials, no odd port.

use url::{Host, Url};

/// Whether `text` is `https://`, a host name and a path, with nothing that browsers and other programs read differently.
pub fn is_avatar_url(text: &str) -> bool {
    // parsers drop or turn round white space and `\`, so what we check would not be what clients load; the others stand in
    // no address (RFC 3986), and would end an attribute where a careless client puts it into HTML
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || r#"\<>"`{}|^"#.contains(c)) {
        return false;
    }
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // also what parsers forget: https://@host, https://host:/, https://host:443, and the third slash of https:///u@host
    if authority.is_empty() || authority.contains(['@', ':']) {
        return false;
    }
    match Url::parse(text) {
        // Host::Domain excludes all spellings of IPv4 addresses, such as 0x7f.1
        Ok(url) => url.scheme() == "https" && matches!(url.host(), Some(Host::Domain(_))),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn https_with_a_host_name_is_good() {
        for good in [
            "https://example.org",
            "https://img.example.org/a/b.png?size=2#x",
            "https://example.org/a:b@c.png",
            "https://bücher.example/ä.png",
        ] {
            assert!(is_avatar_url(good), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "x",
            "/a.png",
            "//example.org/a.png",
            "http://example.org/a.png",
            "HTTPS:example.org",
            "https:example.org",
            "https:///example.org",
            "https://",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://127.0.0.1/a.png",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.0.0.1./",
            "https://[::1]/a.png",
            "https://user@example.org/",
            "https://user:secret@example.org/",
            "https://@example.org/",
            "https://example.org:443/",
            "https://example.org:8443/",
            "https://example.org:/",
            "https://exa mple.org/",
            "https://example.org/a b.png",
            " https://example.org/",
            "https://example.org/\n",
            "https://example.org\\@evil.example/",
            "https://%00/",
            "https://example.org/\"onerror=alert(1)",
            "https://example.org/<script>",
            "https://example.org/?a=`b`",
            "https://example.org/{id}",
            "https://example.org/a|b^c",
        ] {
            assert!(!is_avatar_url(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_parses_to_a_plain_https_address_of_a_host_name(text in "(https://)?[a-z0-9.:@/\\\\%\\[\\]<>\"]{0,24}") {
            if is_avatar_url(&text) {
                let url = Url::parse(&text).unwrap();
                prop_assert_eq!(url.scheme(), "https");
                prop_assert!(!text.contains(['<', '>', '"']));
                prop_assert!(url.username().is_empty() && url.password().is_none() && url.port().is_none());
                prop_assert!(url.domain().is_some_and(|domain| domain.parse::<std::net::IpAddr>().is_err()));
            }
        }
    }
}
