//! `kubectl tracklore`, as built beside the tests.

use std::path::PathBuf;

use crate::{TestStack, shell};

/// Runs a command of it about a stack: what it printed, or what it complained of.
pub async fn tracklore(stack: &TestStack, arguments: &[&str]) -> Result<String, String> {
    let about = ["--namespace", &stack.namespace, "--stack", &stack.name];
    let arguments: Vec<_> = about.into_iter().chain(arguments.iter().copied()).collect();
    shell::run(&program().to_string_lossy(), &arguments).await
}

/// What a command printed that may end with 1, as the doctor does when something is wrong.
pub async fn told(stack: &TestStack, arguments: &[&str]) -> Result<String, String> {
    let program = program();
    let script = "\"$@\" || [ $? -eq 1 ]";
    let about = [
        "-c",
        script,
        "sh",
        &program.to_string_lossy(),
        "--namespace",
        &stack.namespace,
        "--stack",
        &stack.name,
    ];
    shell::run("sh", &[&about[..], arguments].concat()).await
}

/// Where it lies: beside the folder of the test programs.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(|folder| folder.parent()).expect("the folder of programs");
    folder.join("kubectl-tracklore")
}
