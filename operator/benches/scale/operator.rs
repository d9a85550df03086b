//! The operator as a process, with the rights that the chart gives it, and what it uses of the machine.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use tracklore_e2e::apiserver::Server;

/// A running operator; killed when dropped.
pub struct Operator(Child);

impl Operator {
    /// Starts one that keeps all stacks.
    pub fn start(server: &Server) -> Self {
        let log = File::options().create(true).append(true).open(server.kubeconfig("operator.log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tracklore-operator"))
            .args(["run", "--lease", "tracklore-system/tracklore-operator", "--listen", "127.0.0.1:0"])
            .env("KUBECONFIG", server.kubeconfig("operator"))
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn();
        Self(child.unwrap())
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        let ended = self.0.wait().unwrap();
        assert!(asked.success() && ended.success(), "the operator ended with {ended}");
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
