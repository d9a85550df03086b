//! Programs that people use on a cluster: kubectl, and docker for what lies under it.

use std::process::Stdio;

use tokio::{io::AsyncWriteExt, process::Command};

/// Runs a program to its end: what it printed, or what it complained of.
pub async fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    run_with(program, arguments, "").await
}

/// [`run`] with something to read.
pub async fn run_with(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} can't be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // who doesn't want to read it all is no failure
        drop(stdin.write_all(input.as_bytes()).await);
    }
    let output = child.wait_with_output().await.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(format!("{program} {} ended with {}: {complaint}", arguments.join(" "), output.status))
    }
}
