//! Keys and clients change while everything runs.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracklore_testkit::{Account, Answer, Stack, eventually};

use crate::{refresh, text, verify};

const FIRST: &str = "20260101000000";
const SECOND: &str = "20260201000000";

fn write_key(folder: &Path, kid: &str) {
    let made =
        std::process::Command::new(env!("CARGO_BIN_EXE_tracklore-auth")).arg("keys").env_clear().output();
    // renamed, as mounts are: never half of a file
    fs::write(folder.join(".new"), made.unwrap().stdout).unwrap();
    fs::rename(folder.join(".new"), folder.join(format!("{kid}.pem"))).unwrap();
}

fn kid(access_token: &str) -> String {
    let header = BASE64.decode(access_token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header.get("kid").and_then(Value::as_str).unwrap().to_owned()
}

async fn published(stack: &Stack) -> Vec<String> {
    let keys = stack.get("auth", "/.well-known/jwks.json").await.expect(200).json;
    let keys = keys.get("keys").and_then(Value::as_array).unwrap().iter();
    keys.map(|key| key.get("kid").and_then(Value::as_str).unwrap().to_owned()).collect()
}

/// Refreshes and uses the tokens everywhere until told to stop; the ids of the keys that signed.
async fn refresh_on(stack: &Stack, mut account: Account, stop: &AtomicBool) -> Vec<String> {
    let mut kids = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let pair = refresh(stack, &account.refresh_token).await.expect(200);
        account.access_token = text(&pair, "access_token");
        account.refresh_token = text(&pair, "refresh_token");
        verify(stack, &account.access_token).await.expect(200);
        account.get(stack, "user", "/v1/users/me").await.expect(200);
        kids.push(kid(&account.access_token));
    }
    kids
}

#[tokio::test]
async fn a_rotation_under_load_loses_no_token() {
    let keys = TempDir::new().unwrap();
    write_key(keys.path(), FIRST);
    let mut stack = Stack::new().await;
    stack.start("user").await;
    stack.set("TRACKLORE_SIGNING_KEYS_DIR", keys.path().to_str().unwrap());
    // verifiers ask for an unknown key every five seconds at most
    stack.set("TRACKLORE_SIGNING_KEYS_LEAD", "6s");
    stack.set("TRACKLORE_RELOAD_INTERVAL", "100ms");
    stack.start("auth").await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        people.push(stack.sign_up(name).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let load = futures::future::join_all(people.into_iter().map(|one| refresh_on(&stack, one, &stop)));
    let rotation = async {
        write_key(keys.path(), SECOND);
        eventually("the new key is published", async || {
            (published(&stack).await == [FIRST, SECOND]).then_some(())
        })
        .await;
        let watcher = stack.sign_up("watcher").await;
        assert_eq!(kid(&watcher.access_token), FIRST);
        let mut token = watcher.refresh_token;
        eventually("the new key signs", async || {
            let pair = refresh(&stack, &token).await.expect(200);
            token = text(&pair, "refresh_token");
            (kid(&text(&pair, "access_token")) == SECOND).then_some(())
        })
        .await;
        // tokens of the key before are good as long as it is published
        verify(&stack, &watcher.access_token).await.expect(200);
        stop.store(true, Ordering::Relaxed);
        watcher.access_token
    };
    let (kids, old_token) = tokio::join!(load, rotation);
    for mut kids in kids {
        kids.dedup();
        assert!(
            [&[FIRST][..], &[FIRST, SECOND]]
                .contains(&&kids.iter().map(String::as_str).collect::<Vec<_>>()[..]),
            "{kids:?}"
        );
    }
    fs::remove_file(keys.path().join(format!("{FIRST}.pem"))).unwrap();
    eventually("the old key is gone", async || (published(&stack).await == [SECOND]).then_some(())).await;
    verify(&stack, &old_token).await.expect(401);
    // an empty folder is a mistake, and changes nothing
    fs::remove_file(keys.path().join(format!("{SECOND}.pem"))).unwrap();
    stack.sign_up("late").await;
}

#[tokio::test]
async fn a_client_s_secret_is_replaced_without_a_restart_and_without_a_gap() {
    let clients = TempDir::new().unwrap();
    let file = clients.path().join("user");
    fs::write(&file, "before\n").unwrap();
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_CLIENTS_DIR", clients.path().to_str().unwrap());
    stack.set("TRACKLORE_RELOAD_INTERVAL", "100ms");
    stack.start("auth").await;
    let status = async |secret: &str| {
        let url = format!("{}/internal/v1/token", stack.internal_url("auth"));
        let body = json!({"client_id": "user", "client_secret": secret});
        Answer::of(tracklore_testkit::http().post(url).json(&body)).await.status
    };
    assert_eq!((status("before").await, status("after").await), (200, 401));
    fs::write(&file, "after\nbefore\n").unwrap();
    eventually("the new secret is good", async || (status("after").await == 200).then_some(())).await;
    assert_eq!(status("before").await, 200);
    fs::write(&file, "after\n").unwrap();
    eventually("the old secret is not", async || (status("before").await == 401).then_some(())).await;
    assert_eq!(status("after").await, 200);
}
