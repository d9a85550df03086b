//! The way to a real mail server: a small one that speaks SMTP and fails as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tracklore_testkit::{Mail, Stack, eventually};

use crate::count;

/// What the server got, and how often it still says that it can't.
#[derive(Default)]
struct Post {
    mails: Mutex<Vec<String>>,
    refusals: AtomicUsize,
}

/// A server on a free port; its address.
async fn serve(post: Arc<Post>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&post)));
        }
    });
    address
}

/// RFC 5321, as much of it as a client needs.
async fn converse(mut stream: TcpStream, post: Arc<Post>) -> Option<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 test\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let refuse =
            || post.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        let answer = match verb.as_str() {
            "RCPT" if line.contains("nobody@") => "550 no such mailbox",
            "RCPT" if refuse() => "451 come again",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.ok()?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await.ok()? {
                    if line == "." {
                        break;
                    }
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.push_str("\r\n");
                }
                post.mails.lock().unwrap().push(mail);
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
    Some(())
}

async fn start(post: &Arc<Post>) -> Stack {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_MAIL_URL", &format!("smtp://{}", serve(Arc::clone(post)).await));
    stack.set("TRACKLORE_MAIL_FROM", "Tracklore <no-reply@example.org>");
    stack.start("auth").await;
    stack
}

#[tokio::test]
async fn a_mail_that_the_server_puts_off_comes_later_and_once() {
    let post = Arc::new(Post { refusals: 2.into(), ..Post::default() });
    let stack = start(&post).await;
    stack.sign_up("ada").await;
    eventually("the server has refused and taken it", async || {
        let soon = sqlx::query(
            "UPDATE mails SET next_attempt_at = now() WHERE next_attempt_at < now() + interval '1 minute'",
        );
        soon.execute(&stack.database("auth")).await.unwrap();
        (count(&stack, "mails WHERE done_at IS NOT NULL AND attempts = 3").await == 1).then_some(())
    })
    .await;
    let mails = post.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 1);
    let mail = Mail::parse(&mails[0]).unwrap();
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ada@example.org", "Confirm your e-mail address"));
    for header in [
        "From: Tracklore <no-reply@example.org>",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "Date: ",
    ] {
        assert!(mail.raw.contains(header), "{header} in {}", mail.raw);
    }
    stack.post("auth", "/v1/auth/email/verify", &json!({"token": mail.token()})).await.expect(204);
}

#[tokio::test]
async fn a_mail_that_the_server_never_takes_is_given_up_and_holds_no_other_up() {
    let post = Arc::new(Post::default());
    let stack = start(&post).await;
    stack.sign_up("nobody").await;
    stack.sign_up("ada").await;
    eventually("both are done with", async || {
        (count(&stack, "mails WHERE done_at IS NOT NULL AND attempts = 1").await == 2).then_some(())
    })
    .await;
    assert_eq!(post.mails.lock().unwrap().len(), 1);
}
