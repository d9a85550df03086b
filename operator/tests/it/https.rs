//! HTTPS at the gateway, and a certificate that is renewed.

use std::{process::Command, sync::Arc};

use reqwest::{Client, tls::TlsInfo};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracklore_testkit::{Authority, eventually, http_builder, https_builder};

use crate::traefik::Gateway;

const HOST: &str = "localhost";

fn asked() -> Value {
    json!({"traefik": {"tls": {"secretRef": {"name": "web-tls"}}}})
}

/// A client that keeps its connection, or makes one for each request.
fn client(authority: &Authority, keeps: bool) -> Client {
    https_builder(authority).pool_max_idle_per_host(usize::from(keeps)).build().unwrap()
}

/// An answer, and the certificate of the connection that it came by.
async fn read(client: &Client, port: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let answer = client.get(format!("https://{HOST}:{port}/v1/feed/global")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let certificate = answer.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec();
    let headers = answer.headers().clone();
    answer.bytes().await.unwrap();
    (headers, certificate)
}

// The services answer on one thread while curl holds another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_certificate_everything_goes_by_https() {
    let authority = Authority::new();
    let gateway = Gateway::of(asked(), &authority.signs(HOST)).await;

    let plain = http_builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent_on = plain.get(gateway.url("/v1/feed/global")).send().await.unwrap();
    assert!(sent_on.status().is_redirection(), "{}", sent_on.status());
    assert!(sent_on.headers()["location"].to_str().unwrap().starts_with("https://"));
    assert!(gateway.seen().is_empty());

    let port = gateway.tls_address.rsplit(':').next().unwrap();
    let (headers, _) = read(&client(&authority, true), port).await;
    assert_eq!(headers["strict-transport-security"], "max-age=31536000");
    let seen = gateway.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].headers["x-forwarded-proto"], "https");

    // Only curl still speaks what nobody should: it is the gateway that says no.
    let spoken = |latest: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--ciphers", "DEFAULT@SECLEVEL=0", "--tls-max", latest, "--cacert"])
            .arg(authority.file());
        curl.arg(format!("https://{HOST}:{port}/v1/feed/global")).output().unwrap()
    };
    assert!(spoken("1.2").status.success(), "TLS 1.2 is spoken");
    let refused = String::from_utf8(spoken("1.1").stderr).unwrap();
    assert!(refused.contains("alert protocol version"), "{refused}");
}

#[tokio::test]
async fn a_renewed_certificate_is_for_new_connections_and_no_request_fails_meanwhile() {
    let authority = Authority::new();
    let gateway = Gateway::of(asked(), &authority.signs(HOST)).await;
    let port: Arc<str> = gateway.tls_address.rsplit(':').next().unwrap().into();
    let (once, every_time) = (client(&authority, true), client(&authority, false));
    let (_, first) = read(&once, &port).await;

    let stop = CancellationToken::new();
    let asking = [true, false].map(|keeps| {
        let (client, port, stop) = (client(&authority, keeps), port.clone(), stop.clone());
        tokio::spawn(async move {
            let mut asked = 0;
            while !stop.is_cancelled() {
                read(&client, &port).await;
                asked += 1;
            }
            asked
        })
    });
    let mut before = first.clone();
    for _ in 0..4 {
        gateway.renew(&authority.signs(HOST));
        before = eventually("the new certificate is shown", async || {
            let (_, now) = read(&every_time, &port).await;
            (now != before).then_some(now)
        })
        .await;
    }
    assert_eq!(read(&once, &port).await.1, first, "that connection stays");
    stop.cancel();
    for asked in asking {
        assert!(asked.await.unwrap() > 10);
    }
}
