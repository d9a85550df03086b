//! The ways in, of one stack one after another: over HTTPS with a certificate that is replaced, by a Gateway of the cluster, by
//! an Ingress of the cluster.

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::{Client, ResourceExt};
use reqwest::{Method, StatusCode, tls::TlsInfo};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracklore_e2e::{TestStack, gateways, servers::secret, shell};
use tracklore_testkit::{Authority, eventually_within, http, https_builder};

use crate::options::{PATIENCE, told};

/// A page from which browsers may call.
const APP: &str = "https://app.tracklore.test";

/// Over HTTPS, with a certificate that comes late and is replaced under requests.
pub async fn by_https(client: &Client, stack: &TestStack, spec: &mut Value) {
    let plain = stack.url(client).await;
    spec["publicUrl"] = json!(spec["publicUrl"].as_str().unwrap().replace("http://", "https://"));
    spec["auth"]["allowedOrigins"] = json!([APP]);
    spec["gateway"]["traefik"]["tls"] = json!({"secretRef": {"name": "web-tls"}});
    stack.apply(client, spec).await.unwrap();
    told(client, stack, "Stalled", "SecretMissing").await;
    let answer = http().get(format!("{plain}/v1/feed/global")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "until there is a certificate it goes on as it was");

    let node = plain.trim_start_matches("http://").split(':').next().unwrap().to_owned();
    let authority = Authority::new();
    let give = async || secret(client, &stack.namespace, "web-tls", &authority.signs(&node)).await;
    give().await;
    told(client, stack, "Stalled", "Valid").await;
    told(client, stack, "Progressing", "Settled").await;
    let url = stack.url(client).await.replace("http://", "https://");
    browsers_and_big_bodies(&authority, &url).await;

    let before = pods(stack, client).await;
    let stop = CancellationToken::new();
    let asking =
        [true, false].map(|keeps| tokio::spawn(ask(client_of(&authority, keeps), url.clone(), stop.clone())));
    let every_time = client_of(&authority, false);
    let (_, old) = read(&every_time, &url).await.unwrap();
    give().await;
    eventually_within(PATIENCE, "the new certificate is shown", async || {
        let (_, now) = read(&every_time, &url).await.ok()?;
        (now != old).then_some(())
    })
    .await;
    stop.cancel();
    for asked in asking {
        let (asked, failed) = asked.await.unwrap();
        assert!(asked > 10, "{asked}");
        assert_eq!(failed, [""; 0], "of {asked}");
    }
    assert_eq!(pods(stack, client).await, before, "no pod starts anew for a certificate");
}

/// A client that keeps its connection, or makes one for each request.
fn client_of(authority: &Authority, keeps: bool) -> reqwest::Client {
    https_builder(authority).pool_max_idle_per_host(usize::from(keeps)).build().unwrap()
}

/// Asks until it is told to stop: how often, and what went wrong.
async fn ask(client: reqwest::Client, url: String, stop: CancellationToken) -> (usize, Vec<String>) {
    let (mut asked, mut failed) = (0, Vec::new());
    while !stop.is_cancelled() {
        asked += 1;
        match read(&client, &url).await {
            Ok((StatusCode::OK, _)) => {}
            Ok((status, _)) => failed.push(status.to_string()),
            Err(error) => failed.push(format!("{error:?}")),
        }
    }
    (asked, failed)
}

/// The status of a read, and the certificate of the connection that it came by.
async fn read(client: &reqwest::Client, url: &str) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
    let answer = client.get(format!("{url}/v1/feed/global")).send().await?;
    let certificate = answer.extensions().get::<TlsInfo>().unwrap().peer_certificate().unwrap().to_vec();
    let status = answer.status();
    answer.bytes().await?;
    Ok((status, certificate))
}

async fn browsers_and_big_bodies(authority: &Authority, url: &str) {
    let http = client_of(authority, true);
    for (origin, allowed) in [(APP, Some(APP)), ("https://another.test", None)] {
        let preflight = http.request(Method::OPTIONS, format!("{url}/v1/posts")).header("origin", origin);
        let preflight = preflight
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = preflight.send().await.unwrap();
        let told = answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(told, allowed);
        assert!(answer.headers().contains_key("strict-transport-security"));
    }
    let big = http.post(format!("{url}/v1/auth/login")).header("content-type", "application/json");
    let answer = big.body(vec![b' '; 100_000]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

async fn pods(stack: &TestStack, client: &Client) -> Vec<Option<String>> {
    stack.pods(client, &["gateway"]).await.iter().map(Pod::uid).collect()
}

/// By a Gateway, then by an Ingress of the cluster; at last by nothing.
pub async fn by_those_of_the_cluster(client: &Client, stack: &TestStack, spec: &mut Value) {
    gateways::start(stack).await;
    let host = format!("{}.tracklore.test", stack.namespace);
    spec["gateway"] = json!({"gatewayAPI": {"parentRefs": [{"name": "public"}]}});
    stack.apply(client, spec).await.unwrap();
    told(client, stack, "GatewayReady", "RoutesAccepted").await;
    stack.wait_until_ready(client).await;
    eventually_within(PATIENCE, "the stack's own gateway is gone", async || {
        let services = stack.list::<Service>(client).await;
        services.iter().all(|service| service.name_any() != "options-gateway").then_some(())
    })
    .await;
    serves(client, stack, &host, "other.test").await;

    let another = format!("another-{host}");
    spec["gateway"] = json!({"ingress": {"className": stack.namespace}, "hostnames": [another]});
    stack.apply(client, spec).await.unwrap();
    told(client, stack, "GatewayReady", "IngressMade").await;
    serves(client, stack, &another, &host).await;

    spec["gateway"] = json!({});
    stack.apply(client, spec).await.unwrap();
    told(client, stack, "GatewayReady", "NotConfigured").await;
    let ways = ["get", "httproutes,ingresses", "-n", &stack.namespace, "-o", "name"];
    eventually_within(PATIENCE, "no way in is left", async || {
        shell::run("kubectl", &ways).await.ok()?.is_empty().then_some(())
    })
    .await;
    gateways::end(stack).await;
}

/// The feed and the documents are there by this name and by no other; who says who they are isn't believed, and what is
/// internal can't be reached.
async fn serves(client: &Client, stack: &TestStack, host: &str, no_host: &str) {
    let (http, url) = (http(), stack.url_of(client, "gateways").await);
    let ask = async |path: &str, host: &str| {
        let request = http.get(format!("{url}{path}")).header("Host", host).header("X-User-ID", "1");
        Some(request.send().await.ok()?.status().as_u16())
    };
    for path in ["/v1/feed/global", "/docs", "/docs/auth/openapi.json", "/docs/feed/openapi.json"] {
        eventually_within(PATIENCE, &format!("{host}{path} is there"), async || {
            (ask(path, host).await? == 200).then_some(())
        })
        .await;
    }
    assert_eq!(ask("/v1/users/me", host).await, Some(401));
    for (path, host) in [("/internal/v1/token", host), ("/metrics", host), ("/v1/feed/global", no_host)] {
        assert_eq!(ask(path, host).await, Some(404), "{host}{path}");
    }
}
