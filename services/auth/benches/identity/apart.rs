//! Gives the service that is measured processors of its own, as a limit of a container does: its clients, the database and whatever
//! else works with it get the others.

use std::{process::Command, sync::LazyLock};

/// Of the machine: counted before any are taken from this process.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().unwrap().get());

/// As long as it lives, the processors are shared out; then all have all again.
pub struct Apart {
    service: u32,
    others: Vec<u32>,
    containers: Vec<String>,
}

impl Apart {
    /// Half of the processors for this process, the other half for those and for the containers of tests.
    pub fn new(service: u32, others: &[u32]) -> Self {
        let listed = run("docker", &["ps", "--quiet", "--filter", "label=tracklore.deps=test"]);
        let containers = listed.lines().map(str::to_owned).collect();
        let apart = Self { service, others: others.to_vec(), containers };
        apart.share(&own(), &format!("{}-{}", half_of_processors() % *PROCESSORS, *PROCESSORS - 1));
        apart
    }

    fn share(&self, own: &str, others: &str) {
        keep_to(own, &["--all-tasks"], &self.service.to_string());
        for process in &self.others {
            keep_to(others, &["--all-tasks"], &process.to_string());
        }
        let containers = self.containers.iter().map(String::as_str);
        run("docker", &["update", "--cpuset-cpus", others].into_iter().chain(containers).collect::<Vec<_>>());
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let all = format!("0-{}", *PROCESSORS - 1);
        self.share(&all, &all);
    }
}

/// How many processors the service has.
pub fn half_of_processors() -> usize {
    (*PROCESSORS / 2).max(1)
}

/// Has the running thread work where the service does.
pub fn join_service() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    keep_to(&own(), &[], thread.file_name().unwrap().to_str().unwrap());
}

fn own() -> String {
    format!("0-{}", half_of_processors() - 1)
}

fn keep_to(processors: &str, options: &[&str], whom: &str) {
    let arguments = [options, &["--cpu-list", "--pid", processors, whom]].concat();
    run("taskset", &arguments);
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
