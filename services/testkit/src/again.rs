//! The program that measures, once more as the server that is measured: a process of its own, whose processor time is only its
//! own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

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
        let mut child = Command::new(std::env::current_exe().expect("a program has a path"))
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

impl Drop for Again {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
