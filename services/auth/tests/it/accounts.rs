//! Signing up, logging in, one's own account.

use serde_json::{Value, json};

use crate::{auth, log_in, sign_up, text};

const PASSWORD: &str = "a long enough secret";

#[tokio::test]
async fn a_new_account_is_logged_in_and_can_log_in_by_name_and_address_in_any_case() {
    let stack = auth().await;
    let made = sign_up(&stack, "Ada", "Ada@Example.org", PASSWORD).await.expect(201);
    assert_eq!(
        (made.json["token_type"].as_str(), made.json["expires_in"].as_u64()),
        (Some("Bearer"), Some(300))
    );
    assert_eq!(made.header("cache-control"), "no-store");
    let user = &made.json["user"];
    assert_eq!((user["username"].as_str(), user["email"].as_str()), (Some("Ada"), Some("ada@example.org")));
    assert_eq!(user["email_verified"], false);

    for login in ["ada", "ADA", "ada@example.org", "Ada@EXAMPLE.org"] {
        let pair = log_in(&stack, login, PASSWORD).await.expect(200);
        let me = stack
            .request(reqwest::Method::GET, "auth", "/v1/auth/me")
            .bearer_auth(text(&pair, "access_token"));
        assert_eq!(&tracklore_testkit::Answer::of(me).await.expect(200).json, user);
    }
}

#[tokio::test]
async fn names_and_addresses_are_taken_whatever_their_case() {
    let stack = auth().await;
    sign_up(&stack, "ada", "ada@example.org", PASSWORD).await.expect(201);
    let taken = sign_up(&stack, "ADA", "other@example.org", PASSWORD).await.expect(409);
    assert_eq!(taken.code(), "username-taken");
    let taken = sign_up(&stack, "other", "ADA@example.org", PASSWORD).await.expect(409);
    assert_eq!(taken.code(), "email-taken");
}

#[tokio::test]
async fn two_sign_ups_of_one_name_at_once_make_one_account() {
    let stack = auth().await;
    let (a, b) = tokio::join!(
        sign_up(&stack, "ada", "ada@example.org", PASSWORD),
        sign_up(&stack, "ada", "lovelace@example.org", PASSWORD)
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn bad_sign_ups_are_refused_with_all_reasons_at_once() {
    let stack = auth().await;
    let bad = sign_up(&stack, "1", "nobody", "short").await.expect(422);
    assert_eq!(bad.code(), "validation-failed");
    let errors = bad.json["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/username", "/email", "/password"]);

    let own_name = sign_up(&stack, "ada-lovelace-1815", "ada@example.org", "Ada-Lovelace-1815").await;
    assert_eq!(own_name.expect(422).json["errors"][0]["pointer"], "/password");
}

#[tokio::test]
async fn malformed_bodies_are_400() {
    let stack = auth().await;
    let good = json!({"username": "ada", "email": "ada@example.org", "password": PASSWORD});
    let mut unknown = good.clone();
    unknown["admin"] = Value::Bool(true);
    let mut missing = good.clone();
    missing.as_object_mut().unwrap().remove("email");
    for body in [unknown, missing, json!([]), json!({"username": 1})] {
        let answer = stack.post("auth", "/v1/auth/signup", &body).await.expect(400);
        assert_eq!(answer.code(), "malformed-request", "{body}");
    }
    let login = json!({"login": "ada", "password": PASSWORD, "otp": "1"});
    stack.post("auth", "/v1/auth/login", &login).await.expect(400);
    let refresh = json!({"refresh_token": "x", "scope": "all"});
    stack.post("auth", "/v1/auth/refresh", &refresh).await.expect(400);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_log_in_the_answer_is_the_same() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let sleeper = stack.sign_up("sleeper").await;
    let query = sqlx::query("UPDATE users SET status = 'suspended' WHERE id = $1").bind(sleeper.id);
    query.execute(&stack.database("auth")).await.unwrap();

    let mut answers = Vec::new();
    for (login, password) in [
        (ada.username.as_str(), "not her long password"),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        (sleeper.username.as_str(), sleeper.password.as_str()),
        ("", ""),
        ("nul\0byte", PASSWORD),
    ] {
        let mut answer = log_in(&stack, login, password).await.expect(401);
        assert_eq!((answer.code(), answer.header("www-authenticate")), ("invalid-credentials", "Bearer"));
        answer.json.as_object_mut().unwrap().remove("request_id");
        answers.push(answer.json);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn an_accent_composed_otherwise_is_the_same_password() {
    let stack = auth().await;
    sign_up(&stack, "ada", "ada@example.org", "caf\u{e9} au lait, s'il vous pla\u{ee}t").await.expect(201);
    log_in(&stack, "ada", "cafe\u{301} au lait, s'il vous plai\u{302}t").await.expect(200);
}

#[tokio::test]
async fn passwords_and_keys_stand_nowhere_in_the_clear() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let database = stack.database("auth");
    let hash: String =
        sqlx::query_scalar("SELECT password_hash FROM users").fetch_one(&database).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT sessions::text FROM sessions").fetch_all(&database).await.unwrap();
    assert!(rows.iter().all(|row| !row.contains(&ada.refresh_token)));
}
