//! Accounts of another program come with their hashes and log in as before.

use std::io::Write;

use argon2::{Argon2, PasswordHasher};
use serde_json::json;
use sqlx::ConnectOptions;

use crate::{auth, log_in};

const PASSWORD: &str = "a long enough secret";

#[tokio::test]
async fn imported_people_log_in_with_their_passwords_and_bad_lines_are_named() {
    let stack = auth().await;
    stack.sign_up("taken").await;
    let params = argon2::Params::new(64, 1, 1, None).unwrap();
    let argon = Argon2::from(params).hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    let bcrypt = bcrypt::hash(PASSWORD, 4).unwrap();
    let django = "pbkdf2_sha256$1000$seasalt2$fMfu+nM1i1Y3xS++VjggGrNnG0/VCjPr9eeoPIR0ZA8=";
    let line = |id: serde_json::Value, name: &str, hash: &str| {
        let email = format!("{name}@imported.example");
        json!({"id": id, "username": name, "email": email, "password_hash": hash}).to_string()
    };
    let lines = [
        line(json!(7), "argon", &argon),
        line(json!(8), "bcrypt", &bcrypt),
        line(json!("c1b1…"), "django", django),
        "{not json".to_owned(),
        String::new(),
        line(json!(9), "taken", &argon),
        line(json!(7), "late", &argon),
        line(json!(10), "1", &argon),
        line(json!(11), "plain", "plain text"),
        json!({"username": "old", "email": "old@imported.example", "password_hash": argon,
               "email_verified": true, "created_at": "2020-02-29T12:00:00Z"})
        .to_string(),
    ];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(lines.join("\n").as_bytes()).unwrap();
    let url = stack.database("auth").connect_options().to_url_lossy();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tracklore-auth"));
    let command =
        command.arg("import").arg(file.path()).env_clear().env("TRACKLORE_DATABASE_URL", url.as_str());
    let output = command.output().unwrap();
    let (said, refused) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!output.status.success() && said.contains("4 accounts imported"), "{said}{refused}");
    assert!(said.contains("line 3: the id can't be kept"), "{said}");
    for (number, reason) in
        [(4, "key must be a string"), (6, "taken"), (7, "/id: 7"), (8, "/username"), (9, "/password_hash")]
    {
        let line = refused.lines().find(|line| line.starts_with(&format!("line {number}: ")));
        assert!(line.is_some_and(|line| line.contains(reason)), "{number} {refused}");
    }

    for name in ["argon", "bcrypt", "django", "old"] {
        log_in(&stack, name, "not the right password").await.expect(401);
        log_in(&stack, name, PASSWORD).await.expect(200);
        // renewed, and good once more
        log_in(&stack, &format!("{name}@imported.example"), PASSWORD).await.expect(200);
    }
    let hashes: Vec<String> = sqlx::query_scalar("SELECT password_hash FROM users")
        .fetch_all(&stack.database("auth"))
        .await
        .unwrap();
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$")), "{hashes:?}");
    for id in ["7", "8"] {
        stack.record("user-events", |record| record.key == id.as_bytes()).await;
    }
}
