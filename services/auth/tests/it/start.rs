//! Starting: what is refused, what is waited for, what survives a kill.

use std::process::Output;

use crate::{auth, refresh, text};

/// Runs the program with these settings and nothing else.
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tracklore-auth"));
    command.args(arguments).env_clear().envs(settings.iter().copied()).output().unwrap()
}

#[test]
fn required_verification_without_mail_is_refused_with_one_sentence() {
    let output = run(
        &["serve"],
        &[
            ("TRACKLORE_PUBLIC_URL", "http://tracklore.test"),
            ("TRACKLORE_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
            ("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"),
            ("TRACKLORE_SIGNING_KEYS_DIR", "/nowhere"),
            ("TRACKLORE_CLIENTS_DIR", "/nowhere"),
            ("TRACKLORE_SESSION_KEY", "x"),
        ],
    );
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("set TRACKLORE_MAIL_URL, or TRACKLORE_EMAIL_VERIFICATION to optional"), "{said}");
}

#[test]
fn an_unknown_setting_is_refused_and_config_lists_the_known_ones() {
    let output = run(&["serve"], &[("TRACKLORE_ACCES_TOKEN_TTL", "5m")]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("TRACKLORE_ACCES_TOKEN_TTL"));
    let listed = String::from_utf8(run(&["config"], &[]).stdout).unwrap();
    for key in ["TRACKLORE_ACCESS_TOKEN_TTL", "TRACKLORE_MAIL_URL", "TRACKLORE_MIGRATION_DATABASE_URL"] {
        assert!(listed.contains(&format!("`{key}`")), "{listed}");
    }
    let document: serde_json::Value = serde_json::from_slice(&run(&["openapi"], &[]).stdout).unwrap();
    assert!(document["paths"]["/v1/auth/login"].is_object());
}

#[tokio::test]
async fn a_killed_service_starts_again_on_the_same_schema_and_its_sessions_go_on() {
    let mut stack = auth().await;
    let ada = stack.sign_up("ada").await;
    stack.kill("auth").await;
    // migrates once more
    stack.start("auth").await;
    let next = refresh(&stack, &ada.refresh_token).await.expect(200);
    ada.get(&stack, "auth", "/v1/auth/me").await.expect(200);
    stack.stop("auth").await;
    stack.set("TRACKLORE_SESSION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    stack.start("auth").await;
    refresh(&stack, &text(&next, "refresh_token")).await.expect(401);
}
