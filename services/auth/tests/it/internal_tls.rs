//! The internal port over TLS: what is published there, certificates that are replaced, and stopping.

use std::time::Duration;

use reqwest::{Client, tls::TlsInfo};
use tokio::time::timeout;
use tracklore_platform::{
    https::{self, Trust},
    token::{RemoteKeys, Verifier},
};
use tracklore_testkit::{Authority, Mounted, Stack, eventually};

struct Internal {
    stack: Stack,
    authority: Authority,
    mounted: Mounted,
    keys: String,
}

impl Internal {
    async fn start() -> Self {
        let authority = Authority::new();
        let mounted = Mounted::new(&authority.signs("127.0.0.1"));
        let mut stack = Stack::new().await;
        stack.set("TRACKLORE_INTERNAL_TLS_DIR", &mounted.path().to_string_lossy());
        stack.set("TRACKLORE_SHUTDOWN_DRAIN", "1s");
        stack.start("auth").await;
        let internal = stack.internal_url("auth").replace("http:", "https:");
        Self { stack, authority, mounted, keys: format!("{internal}/.well-known/jwks.json") }
    }

    fn client(&self, idle_connections: usize) -> Client {
        let builder = https::builder(Trust::File(&self.authority.file())).unwrap();
        builder.tls_info(true).pool_max_idle_per_host(idle_connections).build().unwrap()
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self) -> Vec<u8> {
        let answer = self.client(0).get(&self.keys).send().await.unwrap().error_for_status().unwrap();
        answer.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec()
    }
}

#[tokio::test]
async fn the_keys_are_published_on_the_internal_port_as_well_and_certificates_are_replaced() {
    let internal = Internal::start().await;
    let ada = internal.stack.sign_up("ada").await;
    let remote = RemoteKeys::new(&internal.keys, internal.client(1));
    let verifier = Verifier::new("http://tracklore.test", remote);
    assert_eq!(verifier.user(&ada.access_token).await.unwrap().id.get(), ada.id);
    let public = internal.stack.get("auth", "/.well-known/jwks.json").await.expect(200);
    let keys = internal.client(1).get(&internal.keys).send().await.unwrap();
    assert_eq!(keys.headers()["cache-control"], public.header("cache-control"));
    assert_eq!(keys.json::<serde_json::Value>().await.unwrap(), public.json);
    assert!(tracklore_testkit::http().get(internal.keys.replace("https:", "http:")).send().await.is_err());

    let before = internal.shown().await;
    internal.mounted.replace(&[("tls.crt", "garbage".to_owned()), ("tls.key", "garbage".to_owned())]);
    let warned = |line: &serde_json::Value| line.to_string().contains("certificate can't be renewed");
    eventually("it is said that the certificate is bad", async || {
        internal.stack.log("auth").iter().any(warned).then_some(())
    })
    .await;
    assert_eq!(internal.shown().await, before);
    internal.mounted.replace(&internal.authority.signs("127.0.0.1"));
    eventually("the new certificate is shown", async || (internal.shown().await != before).then_some(()))
        .await;
    assert_eq!(internal.stack.log("auth").iter().filter(|line| warned(line)).count(), 1);
}

#[tokio::test]
async fn a_stopping_service_answers_and_says_that_each_answer_is_the_last_on_its_connection() {
    let mut internal = Internal::start().await;
    let (client, keys) = (internal.client(1), internal.keys.clone());
    let asking = tokio::spawn(async move {
        let mut last = 0;
        loop {
            match client.get(&keys).send().await {
                Ok(answer) => {
                    let answer = answer.error_for_status().unwrap();
                    last += usize::from(answer.headers().get("connection").is_some_and(|it| it == "close"));
                    answer.bytes().await.unwrap();
                }
                Err(_) if last > 0 => return last,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    internal.stack.stop("auth").await;
    assert!(asking.await.unwrap() > 1);
}

#[tokio::test]
async fn a_folder_without_a_certificate_is_told_at_the_start() {
    let mut stack = Stack::new().await;
    stack.set("TRACKLORE_INTERNAL_TLS_DIR", "/nowhere");
    let ended = timeout(Duration::from_secs(30), stack.run("auth", &["serve"])).await;
    let (well, said) = ended.expect("it ends");
    assert!(!well && said.contains("TRACKLORE_INTERNAL_TLS_DIR isn't right"), "{said}");
    assert!(said.contains("/nowhere/tls.crt can't be read: put the certificate as tls.crt"), "{said}");
}
