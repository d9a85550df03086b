//! Auth's internal port over TLS.

use tracklore_testkit::{Authority, Mounted, Stack};

use crate::ME;

#[tokio::test]
async fn auth_is_asked_over_tls_and_one_whom_nobody_vouches_for_is_not() {
    let (authority, another) = (Authority::new(), Authority::new());
    let mounted = Mounted::new(&authority.signs("127.0.0.1"));
    let mut stack = Stack::new().await;
    stack.set_for("auth", "TRACKLORE_INTERNAL_TLS_DIR", &mounted.path().to_string_lossy());
    let auth = stack.internal_url("auth").replace("http:", "https:");
    stack.start("auth").await;
    let ada = stack.sign_up("ada").await;

    for (replica, authority, status, unknown) in
        [("user", &authority, 200, 404), ("user-2", &another, 503, 503)]
    {
        stack.set_for(replica, "TRACKLORE_AUTH_INTERNAL_URL", &auth);
        stack.set_for(replica, "TRACKLORE_JWKS_URL", &format!("{auth}/.well-known/jwks.json"));
        stack.set_for(replica, "TRACKLORE_INTERNAL_CA_FILE", &authority.file().to_string_lossy());
        stack.start_replica(replica).await;
        ada.get(&stack, replica, ME).await.expect(status);
        stack.get(replica, "/v1/users/7").await.expect(unknown);
    }
    let reason = |line: &serde_json::Value| line.to_string().contains("UnknownIssuer");
    assert!(stack.log("user-2").iter().any(reason), "{:?}", stack.log("user-2"));
}
