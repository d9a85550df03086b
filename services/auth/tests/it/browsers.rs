//! Calls from browsers: the service says itself which origins may.

use tracklore_testkit::{Answer, Stack};

#[tokio::test]
async fn only_the_configured_origin_may_call_from_a_browser() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_ALLOWED_ORIGINS", "https://app.example,http://localhost:5173");
    stack.start("auth").await;
    let preflight = async |origin: &str| {
        let request = stack.request(reqwest::Method::OPTIONS, "auth", "/v1/auth/me").header("origin", origin);
        let request = request.header("access-control-request-method", "PATCH");
        Answer::of(request.header("access-control-request-headers", "authorization,if-match,content-type"))
            .await
    };
    for origin in ["https://app.example", "http://localhost:5173"] {
        let allowed = preflight(origin).await.expect(200);
        assert_eq!(allowed.header("access-control-allow-origin"), origin);
        assert!(allowed.header("access-control-allow-headers").contains("if-match"));
        assert!(!allowed.headers.contains_key("access-control-allow-credentials"));
    }
    for origin in ["https://evil.example", "https://app.example.evil.example", "null", "http://app.example"] {
        assert!(!preflight(origin).await.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    let call =
        stack.request(reqwest::Method::GET, "auth", "/v1/auth/me").header("origin", "https://app.example");
    let refused = Answer::of(call).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), "https://app.example", "also on errors");
    assert!(refused.header("access-control-expose-headers").contains("etag"));
    assert!(refused.header("vary").contains("origin"));
}

#[tokio::test]
async fn the_page_of_a_link_is_for_people_and_changes_nothing() {
    let mut stack = Stack::new().await;
    stack.start("auth").await;
    stack.sign_up("ada").await;
    let mail = stack.mail("ada@example.org", "Confirm your e-mail address").await;
    let path = mail.link().strip_prefix("http://tracklore.test").unwrap().split('#').next().unwrap();
    for _ in 0..2 {
        let page = stack.get("auth", path).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(
            (page.header("referrer-policy"), page.header("cache-control")),
            ("no-referrer", "no-store")
        );
    }
    stack.get("auth", "/v1/auth/links/other").await.expect(404);
    let body = serde_json::json!({"token": mail.token()});
    stack.post("auth", "/v1/auth/email/verify", &body).await.expect(204);
}
