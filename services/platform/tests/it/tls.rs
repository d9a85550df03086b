//! The internal API over TLS, with certificates that are replaced.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use axum::{
    Json, Router,
    routing::{get, post},
};
use reqwest::tls::TlsInfo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracklore_platform::{
    args::{ServiceClientArgs, TrustArgs},
    https::{self, Trust},
    problem::Chain,
    service_client::{CallError, HttpClient, ServiceTokens},
    tls::{Certificate, TlsListener},
    token::{KeyLookup, RemoteKeys},
};
use tracklore_testkit::{Authority, Mounted, eventually};

const HOST: &str = "127.0.0.1";

/// An internal API with the certificate in this folder.
async fn serve(mounted: &Mounted) -> SocketAddr {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let token = json!({"access_token": "t", "token_type": "Bearer", "expires_in": 300});
    let routes = Router::new()
        .route("/thing", get(async || Json(json!({"id": 7}))))
        .route("/internal/v1/token", post(async move || Json(token)))
        .route("/.well-known/jwks.json", get(async move || Json(json!({"keys": [jwk]}))));
    let certificate = Certificate::read(mounted.path()).unwrap();
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TlsListener::new(listener, &certificate).unwrap();
    tokio::spawn(certificate.follow(Duration::from_millis(20), CancellationToken::new()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn trusting(authority: &Authority) -> TrustArgs {
    TrustArgs { internal_ca_file: Some(authority.file()) }
}

async fn call(address: SocketAddr, http: HttpClient) -> Result<Option<Value>, CallError> {
    let args = ServiceClientArgs {
        auth_internal_url: format!("https://{address}"),
        client_id: "feed".to_owned(),
        client_secret: "secret".to_owned().into(),
    };
    ServiceTokens::new(&args, http).client("other", &format!("https://{address}")).get("/thing").await
}

/// The certificate of the connection that answers.
async fn peer(client: &reqwest::Client, address: SocketAddr) -> Result<Vec<u8>, reqwest::Error> {
    let answer = client.get(format!("https://{address}/thing")).send().await?.error_for_status()?;
    let certificate = answer.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec();
    answer.bytes().await?;
    Ok(certificate)
}

/// One that makes a connection for each request, and one that keeps its connection.
fn clients(authority: &Authority) -> [reqwest::Client; 2] {
    let file = authority.file();
    let builder = || https::builder(Trust::File(&file)).unwrap().tls_info(true);
    [builder().pool_max_idle_per_host(0), builder()].map(|builder| builder.build().unwrap())
}

#[tokio::test]
async fn services_call_one_another_and_fetch_keys_over_tls() {
    let authority = Authority::new();
    let address = serve(&Mounted::new(&authority.signs(HOST))).await;
    let http = trusting(&authority).client().unwrap();
    assert_eq!(call(address, http.clone()).await.unwrap(), Some(json!({"id": 7})));
    let keys = RemoteKeys::new(format!("https://{address}/.well-known/jwks.json"), http);
    assert!(keys.find("k1").await.is_ok());
}

#[tokio::test]
async fn who_is_signed_by_another_or_called_otherwise_is_refused_with_the_reason() {
    let (authority, another) = (Authority::new(), Authority::new());
    let address = serve(&Mounted::new(&authority.signs(HOST))).await;
    for trust in [trusting(&another), TrustArgs::default()] {
        let refused = call(address, trust.client().unwrap()).await.unwrap_err().to_string();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
    }
    let elsewhere = serve(&Mounted::new(&authority.signs("elsewhere"))).await;
    let refused = call(elsewhere, trusting(&authority).client().unwrap()).await.unwrap_err().to_string();
    assert!(refused.contains("elsewhere"), "{refused}");
}

#[tokio::test]
async fn plain_http_gets_no_answer_and_who_is_slow_to_shake_hands_blocks_nobody() {
    let authority = Authority::new();
    let address = serve(&Mounted::new(&authority.signs(HOST))).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /thing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(timeout(Duration::from_secs(20), plain.read_to_end(&mut answer)).await.expect("it is hung up"));
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");

    let http = trusting(&authority).client().unwrap();
    assert!(call(address, http).await.unwrap().is_some());
    let silent = timeout(Duration::from_secs(20), silent.read(&mut [0])).await;
    assert!(matches!(silent.expect("it is hung up"), Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_no_request_fails_meanwhile() {
    let authority = Authority::new();
    let mounted = Mounted::new(&authority.signs(HOST));
    let address = serve(&mounted).await;
    let [every_time, once] = clients(&authority);
    let mut before = peer(&every_time, address).await.unwrap();
    let first = before.clone();
    assert_eq!(peer(&once, address).await.unwrap(), first);

    let stop = CancellationToken::new();
    let asking = clients(&authority).map(|client| {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut asked = 0;
            while !stop.is_cancelled() {
                peer(&client, address).await.map_err(|error| Chain(&error).to_string()).unwrap();
                asked += 1;
            }
            asked
        })
    });
    for _ in 0..10 {
        mounted.replace(&authority.signs(HOST));
        before = eventually("the new certificate is shown", async || {
            Some(peer(&every_time, address).await.unwrap()).filter(|now| *now != before)
        })
        .await;
    }
    assert_eq!(peer(&once, address).await.unwrap(), first, "that connection stays");
    stop.cancel();
    for asked in asking {
        assert!(asked.await.unwrap() > 10);
    }
}

#[test]
fn a_file_without_authorities_is_told() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let mounted =
        Mounted::new(&[("empty", String::new()), ("garbage", "garbage".to_owned()), ("broken", broken)]);
    let told = |file: PathBuf| {
        let error = TrustArgs { internal_ca_file: Some(file) }.client().unwrap_err();
        let told = Chain(&error).to_string();
        assert!(told.contains("TRACKLORE_INTERNAL_CA_FILE isn't right: name a file"), "{told}");
        told
    };
    for file in ["empty", "garbage"] {
        let told = told(mounted.path().join(file));
        assert!(told.contains("holds no certificates in PEM"), "{told}");
    }
    assert!(told(mounted.path().join("broken")).contains("invalid peer certificate"));
    assert!(told("/nowhere/ca.crt".into()).contains("/nowhere/ca.crt can't be read"));
}
