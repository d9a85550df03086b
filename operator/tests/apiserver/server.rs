//! The API server of this process: started by the first test that asks, gone with the process.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::kubelet;

/// A running API server.
pub struct Server {
    folder: PathBuf,
    /// The script ends, and with it all that it has started, when its standard input does.
    _script: Child,
}

/// The server that all tests share.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = start();
        // Its runtime is none of a test's: it has to outlive them all.
        let config = server.kubeconfig("kubeconfig");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { kubelet::play(client(config).await).await });
        });
        server
    })
}

fn start() -> Server {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/scripts/apiserver.sh");
    let mut started = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut folder = String::new();
    BufReader::new(started.stdout.take().unwrap()).read_line(&mut folder).unwrap();
    assert!(!folder.is_empty(), "{script} didn't start an API server; it says above why");
    Server { folder: folder.trim_end().into(), _script: started }
}

impl Server {
    /// The configuration of an `admin`, or with the rights that the chart gives to the `operator`.
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the operator asked for so far, by the server's own log: a line of JSON each.
    pub fn audit_log(&self) -> String {
        std::fs::read_to_string(self.folder.join("audit.log")).unwrap()
    }
}

/// A client of an administrator.
pub async fn admin() -> Client {
    client(server().kubeconfig("kubeconfig")).await
}

/// The configuration in a file.
pub async fn config(file: PathBuf) -> Config {
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
}

async fn client(file: PathBuf) -> Client {
    Client::try_from(config(file).await).unwrap()
}
