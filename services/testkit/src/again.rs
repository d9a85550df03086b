//! The program that measures, once more as the server that is measured: a process of its own, whose processor time is only its
//! own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::NamedTempFile;

/// What counts the instructions that a program executes. It takes fifty times as long meanwhile.
const VALGRIND: [&str; 3] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];

/// A running server whose instructions are counted, with all that its start takes.
pub struct Counted {
    server: Again,
    words: NamedTempFile,
}

/// A running server; gone when dropped.
pub struct Again {
    child: Child,
    url: String,
}

impl Again {
    /// Starts this program with these variables, by which it knows that it is the server. It prints its address, on a line,
    /// once it serves.
    ///
    /// # Panics
    ///
    /// When the program ends before it has an address.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        Self::run(&mut Command::new(itself()), variables)
    }

    fn run(command: &mut Command, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("what runs can be run");
        let mut line = String::new();
        let output = child.stdout.take().expect("it was asked for");
        BufReader::new(output).read_line(&mut line).expect("its words are text");
        assert!(!line.is_empty(), "the server ended before it served");
        Self { child, url: line.trim().to_owned() }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

fn itself() -> PathBuf {
    std::env::current_exe().expect("a program has a path")
}

impl Counted {
    /// Whether what counts is installed.
    pub fn is_possible() -> bool {
        Command::new(VALGRIND[0]).arg("--version").output().is_ok()
    }

    /// The same as [`Again::start`].
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let words = NamedTempFile::new().expect("a temporary file");
        let log = words.reopen().expect("it is there");
        let mut command = Command::new(VALGRIND[0]);
        command.args(&VALGRIND[1..]).arg(itself()).stderr(log);
        Self { server: Again::run(&mut command, variables), words }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Ends it: how many instructions it has executed.
    ///
    /// # Panics
    ///
    /// When it doesn't say.
    pub fn end(mut self) -> u64 {
        let process = self.server.process_id().to_string();
        let told = Command::new("kill").args(["-TERM", &process]).status();
        assert!(told.is_ok_and(|status| status.success()), "it can be told to end");
        let _ = self.server.child.wait();
        let words = fs::read_to_string(self.words.path()).expect("it can be read");
        let count = words.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
        count.unwrap_or_else(|| unreachable!("valgrind counts:\n{words}"))
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
