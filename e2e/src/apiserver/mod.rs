//! An API server without nodes, in which pods are only said to run: what `e2e/scripts/apiserver.sh` starts, and who plays
//! the kubelet and other operators.

mod kubelet;
mod others;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::sync::oneshot;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/apiserver.sh");

/// What happens to a server.
#[derive(Clone, Copy, Debug)]
pub enum Disturbance {
    /// The API server is killed; what it keeps stays.
    ApiServerKilled,
    /// etcd stands still.
    StorePaused,
}

/// A running API server; gone when dropped, with all that it keeps.
pub struct Server {
    folder: PathBuf,
    script: Child,
    /// Who plays ends with it.
    _play: oneshot::Sender<()>,
}

impl Server {
    /// Starts one, the kubelet, and other operators.
    ///
    /// # Panics
    ///
    /// When it can't be started; the script says why.
    pub fn start() -> Self {
        let mut script = Command::new(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script can be started");
        let mut folder = String::new();
        let output = script.stdout.take().expect("it was asked for");
        BufReader::new(output).read_line(&mut folder).expect("its words are text");
        assert!(!folder.is_empty(), "{SCRIPT} didn't start an API server; it says above why");
        let folder = PathBuf::from(folder.trim_end());
        let (play, over) = oneshot::channel();
        let kubeconfig = folder.join("kubeconfig");
        // Its runtime is none of a test's: it has to outlive them all.
        thread::spawn(move || play_until(&kubeconfig, over));
        Self { folder, script, _play: play }
    }

    /// The configuration of an `admin`, or with the rights that the chart gives to the `operator`.
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A client of an administrator.
    pub async fn admin(&self) -> Client {
        client(&self.kubeconfig("kubeconfig")).await
    }

    /// Lets something happen to it.
    pub fn disturb(&self, disturbance: Disturbance) {
        self.tell(match disturbance {
            Disturbance::ApiServerKilled => "kill",
            Disturbance::StorePaused => "pause",
        });
    }

    /// Ends it.
    pub fn calm(&self, disturbance: Disturbance) {
        self.tell(match disturbance {
            Disturbance::ApiServerKilled => "start",
            Disturbance::StorePaused => "resume",
        });
    }

    fn tell(&self, word: &str) {
        let mut script = self.script.stdin.as_ref().expect("it was asked for");
        writeln!(script, "{word}").expect("the script listens");
    }

    /// Where the server writes down what the operator asks for: a line of JSON each.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The script ends, and with it all that it has started, when its standard input does.
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

fn play_until(kubeconfig: &Path, over: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        tokio::select! {
            () = kubelet::play(client(kubeconfig).await) => {}
            () = others::play(client(kubeconfig).await) => {}
            _ = over => {}
        }
    });
}

/// The configuration in a file.
///
/// # Panics
///
/// When there is none.
pub async fn config(file: &Path) -> Config {
    let kubeconfig = Kubeconfig::read_from(file).expect("the file is a kubeconfig");
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("it is complete")
}

async fn client(file: &Path) -> Client {
    Client::try_from(config(file).await).expect("it is a client's")
}
