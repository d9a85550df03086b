//! Inside a stack nothing is said that others on the network could read or answer.

use tracklore_e2e::{
    TestStack,
    certificates::{SERVERS, plainly, shown},
};

use crate::{client, shared_stack};

#[tokio::test]
async fn every_server_of_a_stack_shows_a_certificate_of_its_own_and_none_speaks_without_tls() {
    let client = client().await;
    let stack = shared_stack(&client).await;
    let mut certificates = Vec::new();
    for server in SERVERS {
        let certificate = shown(&client, stack, server).await;
        certificates.push(certificate.unwrap_or_else(|error| unreachable!("{server:?}: {error}")));
    }
    certificates.sort();
    certificates.dedup();
    assert_eq!(certificates.len(), SERVERS.len(), "no two servers have the same");

    let http = b"GET /.well-known/jwks.json HTTP/1.1\r\nhost: auth\r\nconnection: close\r\n\r\n";
    for server in SERVERS.into_iter().filter(|(_, port)| *port == 8081) {
        is_refused(&client, stack, server, http, b"HTTP/").await;
    }
    // a log-in as any user, without asking for TLS before
    let login = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    let said = plainly(&client, stack, ("postgres", 5432), login).await.unwrap();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("no pg_hba.conf entry") && said.contains("no encryption"), "{said}");
    is_refused(&client, stack, ("redis", 6379), b"PING\r\n", b"+PONG").await;
    // the versions of the protocol that it knows, which a broker tells everybody
    let versions = b"\0\0\0\x0a\0\x12\0\0\0\0\0\x07\xff\xff";
    is_refused(&client, stack, ("kafka", 9092), versions, b"\0\0\0\x07").await;
}

/// The server doesn't answer in the way that it would to somebody whom it understands.
async fn is_refused(
    client: &kube::Client,
    stack: &TestStack,
    server: (&str, u16),
    said: &[u8],
    answer: &[u8],
) {
    let heard = plainly(client, stack, server, said).await.unwrap();
    // the number of a request stands in an answer of Kafka's after its length
    let start = if server.0 == "kafka" { 4 } else { 0 };
    let is_answer = heard.get(start..).is_some_and(|heard| heard.starts_with(answer));
    assert!(!is_answer, "{server:?} answers without TLS: {heard:?}");
}
