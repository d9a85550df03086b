//! One service as a process of its own: started, killed, stopped as in real life.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::{Child, Command};

/// A running program; killed when dropped.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

/// The program beside the test binary: `target/<profile>/deps/it-…` → `target/<profile>/tracklore-<name>`.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test binary's own path");
    let folder = test.parent().and_then(Path::parent).expect("a target folder");
    let program = folder.join(format!("tracklore-{name}"));
    assert!(program.exists(), "{} isn't built. Run `cargo build --workspace --bins`.", program.display());
    program
}

fn command(name: &str, subcommand: &str, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(program(name));
    command.arg(subcommand).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    command
}

/// Runs a sub-command to its end.
pub(crate) async fn run(name: &str, subcommand: &str, settings: &[(String, String)]) {
    let output = command(name, subcommand, settings).output().await.expect("the program starts");
    assert!(
        output.status.success(),
        "tracklore-{name} {subcommand} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a sub-command to its end: whether it ended well, and what it printed.
pub(crate) async fn output(name: &str, arguments: &[&str], settings: &[(String, String)]) -> (bool, String) {
    let mut command = Command::new(program(name));
    command.args(arguments).env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    let output = command.output().await.expect("the program starts");
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), text.concat())
}

impl Process {
    /// Starts `serve`; its output goes to a file in `folder`.
    pub(crate) fn start(name: &str, program: &str, settings: &[(String, String)], folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let errors = file.try_clone().expect("a second handle");
        let child = command(program, "serve", settings)
            .stdout(Stdio::from(file))
            .stderr(Stdio::from(errors))
            .spawn()
            .expect("the program starts");
        Self { child, name: name.to_owned(), log }
    }

    /// Fails the test when the program ended by itself.
    pub(crate) fn assert_alive(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("tracklore-{} ended with {status}:\n{}", self.name, self.log_tail());
        }
    }

    /// SIGKILL: no chance to clean up.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    /// SIGTERM, and wait: whether it ended well.
    pub(crate) async fn terminate(mut self) -> bool {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill runs");
        assert!(sent.success());
        self.child.wait().await.expect("it ends").success()
    }

    /// All that it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process id.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    fn log_tail(&self) -> String {
        let text = self.log();
        let lines: Vec<_> = text.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- end of the log of tracklore-{}:\n{}", self.name, self.log_tail());
        }
    }
}
