//! The end of an account.

use serde_json::{Value, json};

use crate::{auth, count, delete, ended, log_in, refresh, session_of, sign_up, verify};

const PATH: &str = "/v1/auth/me";

#[tokio::test]
async fn a_deleted_account_is_gone_for_its_owner_and_everybody_hears_of_it() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    let session = session_of(&stack, &ada).await;
    let wrong = delete(&stack, &ada, PATH, &json!({"password": "not her long password"})).await.expect(403);
    assert_eq!(wrong.code(), "wrong-password");
    ada.delete(&stack, "auth", PATH).await.expect(415);
    verify(&stack, &ada.access_token).await.expect(200);

    delete(&stack, &ada, PATH, &json!({"password": ada.password})).await.expect(202);
    verify(&stack, &ada.access_token).await.expect(401);
    refresh(&stack, &ada.refresh_token).await.expect(401);
    for login in ["ada", "ada@example.org", &format!("deleted-{}", ada.id)] {
        for password in [&ada.password, "!", ""] {
            log_in(&stack, login, password).await.expect(401);
        }
    }
    let record = stack
        .record("user-events", |record| record.header("ce_type") == Some("tracklore.user.deleted.v1"))
        .await;
    let payload: Value = record.event().unwrap().unwrap().payload().unwrap();
    assert_eq!(record.header("ce_sequence"), Some("2"));
    assert_eq!(
        (payload["id"].as_i64(), payload["status"].as_str(), payload["username"].as_str()),
        (Some(ada.id), Some("deleted"), Some(format!("deleted-{}", ada.id).as_str()))
    );
    stack.record("session-events", |record| record.key == session.as_bytes()).await;
    assert_eq!(ended(&stack).await, [(session, "account-deleted".to_owned())]);
    assert!(stack.mail("ada@example.org", "Your account was deleted").await.text.contains("Hello ada,"));
}

#[tokio::test]
async fn nothing_about_the_person_stays_but_the_reserved_name() {
    let stack = auth().await;
    let ada = stack.sign_up("ada").await;
    stack.mail("ada@example.org", "Confirm your e-mail address").await;
    let grant = sqlx::query("INSERT INTO grants VALUES ($1, 'posts:moderate', now())").bind(ada.id);
    grant.execute(&stack.database("auth")).await.unwrap();
    let wish = json!({"email": "lovelace@example.org", "password": ada.password});
    ada.patch(&stack, "auth", PATH, &wish).await.expect(200);
    stack.mail("lovelace@example.org", "Confirm your e-mail address").await;
    delete(&stack, &ada, PATH, &json!({"password": ada.password})).await.expect(202);
    stack.mail("ada@example.org", "Your account was deleted").await;

    for table in ["sessions", "email_changes", "one_time_tokens", "grants"] {
        assert_eq!(count(&stack, table).await, 0, "{table}");
    }
    let told = "users WHERE users::text ~* 'lovelace|ada|argon2'";
    assert_eq!((count(&stack, told).await, count(&stack, "users").await), (0, 1));

    let other = "other@example.org";
    sign_up(&stack, "ada", other, "a long enough secret").await.expect(409);
    sign_up(&stack, "somebody", "ada@example.org", "a long enough secret").await.expect(201);
    let later = sqlx::query("UPDATE reserved_usernames SET until = now()");
    later.execute(&stack.database("auth")).await.unwrap();
    sign_up(&stack, "ada", other, "a long enough secret").await.expect(201);
}
