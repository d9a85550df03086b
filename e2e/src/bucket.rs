//! A real S3 server on this machine, outside of the cluster, with a certificate of an authority that only the test knows.

use std::{net::TcpListener, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};
use tracklore_testkit::eventually_within;

use crate::{authority::Certified, shell};

const ACCESS: (&str, &str) = ("tester", "a-secret-that-only-the-test-knows");
const NAME: &str = "copies";

/// A bucket; gone when it is dropped.
pub struct Bucket {
    endpoint: String,
    authority: String,
    _room: TempDir,
    _server: Child,
}

impl Bucket {
    /// Starts the server where pods reach this machine: at the gateway of the cluster's network.
    pub async fn start() -> Self {
        let program = std::env::var("TRACKLORE_TEST_S3")
            .expect("TRACKLORE_TEST_S3 names the program of an S3 server: run the tests by make test-e2e");
        let gateways = shell::run(
            "docker",
            &["network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"],
        );
        let gateways = gateways.await.expect("the network of the cluster");
        let gateway = gateways.split_whitespace().find(|address| !address.contains(':'));
        let gateway = gateway.expect("a gateway").to_owned();
        let free = TcpListener::bind((gateway.as_str(), 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("a free port").to_string();

        let room = tempfile::tempdir().expect("a folder");
        let path = |name: &str| room.path().join(name);
        std::fs::create_dir_all(path("s3").join(NAME)).expect("a bucket");
        std::fs::create_dir_all(path("notes")).expect("a folder");
        let certified = Certified::new(vec![gateway]);
        std::fs::write(path("tls.crt"), &certified.certificate).expect("a file");
        std::fs::write(path("tls.key"), &certified.key).expect("a file");
        let server = Command::new(program)
            .args(["--port", &address, "--quiet", "--cert"])
            .args([path("tls.crt").as_os_str(), "--key".as_ref(), path("tls.key").as_os_str()])
            .args(["posix".as_ref(), "--sidecar".as_ref(), path("notes").as_os_str(), path("s3").as_os_str()])
            .env("ROOT_ACCESS_KEY", ACCESS.0)
            .env("ROOT_SECRET_KEY", ACCESS.1)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the S3 server starts");
        eventually_within(Duration::from_secs(30), "the S3 server is there", async || {
            TcpStream::connect(&address).await.ok()
        })
        .await;
        let endpoint = format!("https://{address}");
        Self { endpoint, authority: certified.authority, _room: room, _server: server }
    }

    /// How a stack refers to it, and to the Secret of [`Self::secret`].
    pub fn shelf(&self) -> Value {
        let secret = json!({"name": "s3"});
        json!({"s3": {"endpoint": self.endpoint, "bucket": NAME, "prefix": "of/ours", "secretRef": secret, "caSecretRef": secret}})
    }

    /// What opens it.
    pub fn secret(&self) -> Value {
        json!({"metadata": {"name": "s3"}, "stringData": {
            "access-key-id": ACCESS.0, "secret-access-key": ACCESS.1, "ca.crt": self.authority
        }})
    }
}
