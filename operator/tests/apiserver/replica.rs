//! The operator as a process of its own, as the chart starts it.

use std::{
    fs::File,
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::NamedTempFile;
use tracklore_testkit::{eventually_within, free_ports};

use crate::{settle::PATIENCE, spaces::Space};

/// A process; dead when dropped.
pub struct Replica {
    /// What it takes for its pod.
    pub name: &'static str,
    process: Child,
    address: String,
    log: NamedTempFile,
}

impl Replica {
    /// Starts one that keeps the stacks of a namespace, with an account's configuration.
    pub fn start(space: &Space, account: &str, name: &'static str, further: &[&str]) -> Self {
        let log = NamedTempFile::new().unwrap();
        let [port, ..] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(env!("CARGO_BIN_EXE_tracklore-operator"))
            .args(["run", "--watch-namespaces", &space.name, "--listen", &address])
            .args(further)
            .env("KUBECONFIG", space.server.kubeconfig(account))
            .env("HOSTNAME", name)
            .stdin(Stdio::null())
            .stdout(File::options().append(true).open(log.path()).unwrap())
            .stderr(File::options().append(true).open(log.path()).unwrap())
            .spawn()
            .unwrap();
        Self { name, process, address, log }
    }

    /// What `/metrics` answers, once it does.
    pub async fn metrics(&self) -> String {
        let (http, url) = (tracklore_testkit::http(), format!("http://{}/metrics", self.address));
        eventually_within(PATIENCE, "it tells its metrics", async || {
            http.get(&url).send().await.ok()?.text().await.ok()
        })
        .await
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let name = self.name;
        eventually_within(PATIENCE, &format!("{name} ends"), async || self.process.try_wait().unwrap()).await
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
        if std::thread::panicking() {
            println!("{} has logged:\n{}", self.name, self.log());
        }
    }
}
