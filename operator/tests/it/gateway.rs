//! Whoever speaks through the gateway can't say who they are, where they want to get behind it, or how often they may ask.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tracklore_testkit::http;

use crate::traefik::{CUT, Gateway, TOKEN, USER};

/// An address of each service that has any beside auth's, and auth's own.
const PATHS: [(&str, &str); 6] = [
    ("/v1/auth/login", "auth"),
    ("/.well-known/jwks.json", "auth"),
    ("/v1/users/me", "user"),
    ("/v1/badges", "user"),
    ("/v1/posts/1", "posts"),
    ("/v1/feed/global", "feed"),
];
const IDENTITY: [&str; 3] = ["x-user-id", "x-session-id", "x-scope"];

#[tokio::test]
async fn every_address_leads_to_its_service() {
    let gateway = Gateway::start(json!({})).await;
    for (path, service) in PATHS {
        let answer = http().get(gateway.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["x-frame-options"], "DENY");
        let seen = gateway.seen();
        assert_eq!((seen.len(), seen[0].service, seen[0].target.as_str()), (1, service, path));
    }
    for service in ["auth", "user", "posts", "feed"] {
        let path = format!("/docs/{service}/openapi.json");
        let _ = http().get(gateway.url(&path)).send().await.unwrap();
        let seen = gateway.seen();
        assert_eq!((seen[0].service, seen[0].target.as_str()), (service, path.as_str()));
    }
    let _ = http().get(gateway.url("/docs")).send().await.unwrap();
    assert_eq!(gateway.seen()[0].service, "auth", "each has the page, and this one is asked for it");
}

#[tokio::test]
async fn nothing_is_found_by_another_name_than_those_that_are_asked_for() {
    let names = json!({"traefik": {}, "hostnames": ["community.example.org", "*.example.net"]});
    let gateway = Gateway::of(names, &[]).await;
    let found = async |host: &str, path: &str| {
        let mut request = http().get(gateway.url(path)).header("Host", host);
        if path != "/v1/auth/me" {
            request = request.bearer_auth(TOKEN);
        }
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        gateway.seen()[0].target == path
    };
    for path in ["/v1/auth/me", "/v1/posts/1", "/docs/feed/openapi.json"] {
        for host in ["community.example.org", "Community.Example.org:8080", "a.example.net"] {
            assert!(found(host, path).await, "{host}{path}");
        }
        for host in
            ["localhost", "example.net", "a.b.example.net", "aXexample.net", "community.example.org.test"]
        {
            assert!(!found(host, path).await, "{host}{path}");
        }
    }
}

#[tokio::test]
async fn nothing_but_the_public_addresses_can_be_reached() {
    let gateway = Gateway::start(json!({})).await;
    for path in
        ["/", "/metrics", "/livez", "/readyz", "/internal/v1/token", "/openapi.json", "/ping", "/api", "/v1"]
    {
        let _ = http().get(gateway.url(path)).send().await.unwrap();
        let seen = gateway.seen();
        // auth is asked to say that there is nothing
        assert_eq!((seen.len(), seen[0].target.as_str()), (1, "/nothing-here"), "{path}");
    }
}

#[tokio::test]
async fn nobody_says_who_they_are_but_by_a_token_that_auth_knows() {
    let gateway = Gateway::start(json!({})).await;
    let http = http();
    for (path, service) in PATHS {
        let forged = |mut request: reqwest::RequestBuilder| {
            for name in ["X-User-ID", "x-user-id", "X-USER-ID", "X-Session-ID", "X-Scope", "x-SCOPE"] {
                request = request.header(name, "1").header(name, "users:admin");
            }
            request
        };
        let anonymous = forged(http.get(gateway.url(path))).send().await.unwrap();
        assert_eq!(anonymous.status(), StatusCode::OK);
        let known = forged(http.get(gateway.url(path))).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(known.status(), StatusCode::OK);
        let seen = gateway.seen();
        assert_eq!(seen.len(), 2);
        for name in IDENTITY {
            assert!(seen[0].headers.get(name).is_none(), "{path}: {name} came through");
        }
        let ids: Vec<_> = seen[1].headers.get_all("x-user-id").iter().collect();
        // auth finds out by itself whose token it is
        let expected: &[&str] = if service == "auth" { &[] } else { &[USER] };
        assert_eq!(ids, expected, "{path}");
        let _ = forged(http.get(gateway.url(path))).bearer_auth("another").send().await.unwrap();
        let reached: Vec<_> = gateway.seen().into_iter().map(|seen| seen.service).collect();
        assert!(reached.is_empty() || service == "auth", "{path} was reached with a bad token: {reached:?}");
    }
}

#[tokio::test]
async fn no_spelling_of_an_identity_comes_through_nor_takes_that_of_the_token_away() {
    let gateway = Gateway::start(json!({})).await;
    let spellings = [
        "X_User_ID: 1\r\nX_Session-ID: 1\r\nx_scope: users:admin",
        "X-User_ID: 1\r\nX-User-Id : 1",
        "X-User-ID:1\r\nX-Scope:\tusers:admin",
        "Connection: X-User-ID, X-Session-ID, X-Scope",
        "Connection: keep-alive\r\nConnection: x-user-id",
    ];
    let (anonymous, known): (&[&str], &[&str]) = (&[], &["", "s", USER]);
    for spelling in spellings {
        for (token, expected) in [("", anonymous), (TOKEN, known)] {
            let token =
                if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
            let answer = gateway
                .raw(&format!("GET /v1/posts/1 HTTP/1.1\r\nHost: localhost\r\n{token}{spelling}\r\n\r\n"))
                .await;
            let all = gateway.seen();
            // one that is no HTTP may be refused
            assert!(
                all.len() == 1 || (all.is_empty() && spelling.contains(" :")),
                "{spelling:?} → {all:?}\n{answer}"
            );
            for seen in all {
                let told = seen
                    .headers
                    .iter()
                    .filter(|(name, _)| IDENTITY.contains(&&*name.as_str().replace('_', "-")));
                let mut told: Vec<_> =
                    told.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
                told.sort_unstable();
                let values: Vec<_> = told.iter().map(|(_, value)| *value).collect();
                assert_eq!(values, expected, "{spelling:?} → {told:?}\n{answer}");
            }
        }
    }
}

#[tokio::test]
async fn no_spelling_of_an_address_gets_past_the_check_of_tokens() {
    let gateway = Gateway::start(json!({})).await;
    let spellings = [
        "//v1/posts/1",
        "/v1//posts/1",
        "/v1/./posts/1",
        "/v1/auth/../posts/1",
        "/v1/auth/%2e%2e/posts/1",
        "/v1/auth/..%2fposts/1",
        "/v1/auth%2f..%2fposts/1",
        "/v1/auth/..;/posts/1",
        "/v1/auth;/../posts/1",
        "/v1/auth\\..\\posts/1",
        "/v1/auth/%252e%252e/posts/1",
        "/v1/posts%00",
        "/V1/posts/1",
        "/%76%31/posts/1",
        "/v1/auth/../../internal/v1/token",
        "/v1/auth/../../metrics",
        "/.well-known/jwks.json/../../v1/posts/1",
        "/docs/auth/openapi.json/../../../v1/posts/1",
    ];
    for path in spellings {
        let answer = gateway
            .raw(&format!(
                "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer another\r\nConnection: close\r\n\r\n"
            ))
            .await;
        for seen in gateway.seen() {
            let own = ["/v1/auth/", "/.well-known/jwks.json", "/nothing-here", "/docs/"];
            assert_eq!(seen.service, "auth", "{path} → {} {}: {answer}", seen.service, seen.target);
            assert!(own.iter().any(|start| seen.target.starts_with(start)), "{path} → {}", seen.target);
        }
    }
}

#[tokio::test]
async fn a_request_hidden_in_another_reaches_nobody() {
    let gateway = Gateway::start(json!({})).await;
    let hidden = "GET /v1/posts/hidden HTTP/1.1\r\nHost: localhost\r\nX-User-ID: 1\r\n\r\n";
    let length = hidden.len();
    let shapes = [
        // both lengths
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            length + 5
        ),
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
        ),
        // two lengths that differ
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        // encodings that one side may not recognise
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nX: y\r\n Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!("POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: +{length}\r\n\r\n{hidden}"),
        // line ends and headers inside headers
        format!("GET /v1/feed/global HTTP/1.1\r\nHost: localhost\r\nX: y\n\n{hidden}"),
        format!(
            "GET /v1/feed/global HTTP/1.1\r\nHost: localhost\r\nX: y\rX-User-ID: 1\r\nContent-Length: {length}\r\n\r\n{hidden}"
        ),
        format!(
            "POST /v1/posts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{length:x};a=\"\r\n{hidden}\r\n0\r\n\r\n"
        ),
    ];
    for shape in shapes {
        let answer = gateway.raw(&shape).await;
        for seen in gateway.seen() {
            // A request that comes after another on one connection is no harm, as long as it is a request to the gateway
            // as well: without the header that it tried to bring.
            assert!(seen.headers.get("x-user-id").is_none(), "{shape:?} → {seen:?}\n{answer}");
            let answers = answer.matches("HTTP/1.1 ").count();
            assert!(seen.target != "/v1/posts/hidden" || answers >= 2, "{shape:?} → {seen:?}\n{answer}");
        }
    }
}

#[tokio::test]
async fn a_request_that_a_service_has_seen_is_not_sent_again() {
    let gateway = Gateway::start(json!({})).await;
    for method in [Method::POST, Method::GET] {
        let answer = http().request(method.clone(), gateway.url(CUT)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{method}");
        assert_eq!(gateway.seen().len(), 1, "{method}");
    }
}

#[tokio::test]
async fn headers_that_are_too_long_are_refused_before_any_service() {
    let gateway = Gateway::start(json!({})).await;
    let long = "x".repeat(64 * 1024);
    let answer = http().get(gateway.url("/v1/posts/1")).header("x-long", long).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert!(gateway.seen().is_empty());
}

#[tokio::test]
async fn a_preflight_reaches_the_service_without_a_token() {
    let gateway = Gateway::start(json!({})).await;
    let request =
        http().request(Method::OPTIONS, gateway.url("/v1/posts")).header("origin", "https://app.example");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(gateway.seen()[0].service, "posts");
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_told_to_wait_and_others_are_not() {
    let gateway = Gateway::start(json!({"rateLimit": {"perUser": 5}})).await;
    let http = http();
    let mut refused = 0;
    for _ in 0..40 {
        let answer = http.get(gateway.url("/v1/feed/home")).bearer_auth(TOKEN).send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
        let anonymous = http.get(gateway.url("/v1/feed/global")).send().await.unwrap();
        assert_eq!(anonymous.status(), StatusCode::OK);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let gateway = Gateway::start(json!({"rateLimit": {"perAddress": 5}})).await;
    let http = http();
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(http.get(gateway.url("/v1/feed/global")).send().await.unwrap().status().as_u16());
    }
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn behind_trusted_proxies_each_client_has_a_limit_of_its_own() {
    for (hops, proxies) in [(1, ""), (2, ", 192.0.2.7")] {
        let traefik =
            json!({"rateLimit": {"perAddress": 5}, "trustedProxies": ["127.0.0.1"], "trustedHops": hops});
        let gateway = Gateway::start(traefik).await;
        let ask = async |client: String| {
            let request = http().get(gateway.url("/v1/feed/global"));
            let request = request.header("x-forwarded-for", format!("1.2.3.4, {client}{proxies}"));
            request.send().await.unwrap().status()
        };
        for client in 0..40 {
            assert_eq!(ask(format!("2001:db8:0:{client}::1")).await, StatusCode::OK, "client {client}");
        }
        let mut refused = 0;
        for host in 0..40 {
            // addresses of one /64 are one client
            let status = ask(format!("2001:db8:1:1::{host:x}")).await;
            refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
        }
        assert!(refused > 0);
    }
}
