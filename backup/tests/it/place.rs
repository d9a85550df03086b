//! Where copies are kept in a test, and the program that keeps them.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub const KEY: &str = "a key of more than thirty-two bytes, of course";
const ACCESS: (&str, &str) = ("tester", "a-secret-that-only-the-test-knows");
const PATIENCE: Duration = Duration::from_secs(30);

/// A shelf, and a room beside it for what is kept and what comes back.
pub struct Place {
    room: TempDir,
    environment: Vec<(&'static str, String)>,
    server: Option<Child>,
}

impl Place {
    /// A folder.
    pub fn folder() -> Self {
        let room = tempfile::tempdir().unwrap();
        fs::create_dir(room.path().join("shelf")).unwrap();
        let shelf = format!("file://{}/shelf", room.path().display());
        Self::with(room, vec![("TRACKLORE_BACKUP_SHELF", shelf)], None)
    }

    /// A bucket of an S3 server that is started for it.
    pub fn bucket() -> Self {
        let program = std::env::var("TRACKLORE_TEST_S3").unwrap_or_else(|_| {
            panic!("TRACKLORE_TEST_S3 names the program of an S3 server. Run the tests by `make test-integration`.")
        });
        let room = tempfile::tempdir().unwrap();
        fs::create_dir_all(room.path().join("s3/copies")).unwrap();
        fs::create_dir_all(room.path().join("notes")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let server = Command::new(program)
            .args(["--port", &address, "--quiet", "posix", "--sidecar"])
            .args([room.path().join("notes"), room.path().join("s3")])
            .env("ROOT_ACCESS_KEY", ACCESS.0)
            .env("ROOT_SECRET_KEY", ACCESS.1)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while TcpStream::connect(&address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the S3 server doesn't come up");
            std::thread::yield_now();
        }
        let environment = vec![
            ("TRACKLORE_BACKUP_SHELF", "s3://copies/of/ours".to_owned()),
            ("TRACKLORE_BACKUP_S3_ENDPOINT", format!("http://{address}")),
            ("TRACKLORE_BACKUP_S3_ACCESS_KEY_ID", ACCESS.0.to_owned()),
            ("TRACKLORE_BACKUP_S3_SECRET_ACCESS_KEY", ACCESS.1.to_owned()),
        ];
        Self::with(room, environment, Some(server))
    }

    fn with(room: TempDir, mut environment: Vec<(&'static str, String)>, server: Option<Child>) -> Self {
        for folder in ["dumps", "back", "secrets/auth-session-key", "secrets/auth-signing-keys"] {
            fs::create_dir_all(room.path().join(folder)).unwrap();
        }
        fs::write(room.path().join("secrets/auth-session-key/session-key"), "the session key").unwrap();
        fs::write(room.path().join("secrets/auth-signing-keys/20260101000000.pem"), "a key").unwrap();
        environment.extend([
            ("TRACKLORE_BACKUP_STACK", "social/demo".to_owned()),
            ("TRACKLORE_BACKUP_KEY", KEY.to_owned()),
            ("TRACKLORE_BACKUP_SECRETS", room.path().join("secrets").display().to_string()),
        ]);
        Self { room, environment, server }
    }

    /// A path in the room.
    pub fn path(&self, path: &str) -> PathBuf {
        self.room.path().join(path)
    }

    /// Writes a dump.
    pub fn dump(&self, service: &str, content: &[u8]) {
        fs::write(self.path("dumps").join(format!("{service}.dump")), content).unwrap();
    }

    /// A dump that came back.
    pub fn back(&self, service: &str) -> Vec<u8> {
        fs::read(self.path("back").join(format!("{service}.dump"))).unwrap()
    }

    /// Runs the program, with other settings than usual where some are given.
    pub fn run(&self, command: &str, settings: &[(&str, &str)]) -> Output {
        let dumps = self.path(if command == "fetch" { "back" } else { "dumps" });
        Command::new(env!("CARGO_BIN_EXE_tracklore-backup"))
            .arg(command)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("TRACKLORE_BACKUP_DUMPS", dumps)
            .env("TRACKLORE_BACKUP_SEAL_FILE", self.path("seal"))
            .envs(settings.iter().copied())
            .output()
            .unwrap()
    }

    /// Runs it to a good end; what it printed.
    pub fn good(&self, command: &str, settings: &[(&str, &str)]) -> String {
        let output = self.run(command, settings);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it to a bad end; what it complained of.
    pub fn bad(&self, command: &str, settings: &[(&str, &str)]) -> String {
        let output = self.run(command, settings);
        assert!(
            !output.status.success(),
            "{command} ended well: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stderr).unwrap()
    }

    /// The names of the copies that are there.
    pub fn copies(&self) -> Vec<String> {
        let list = self.good("list", &[]);
        list.lines().map(|line| line.split_once(':').unwrap().0.to_owned()).collect()
    }

    /// Keeps a copy; its name.
    pub fn keep(&self, settings: &[(&str, &str)]) -> String {
        let said = self.good("store", settings);
        let name = said.strip_prefix("kept ").and_then(|said| said.split_once(':'));
        name.unwrap_or_else(|| panic!("no name of a copy: {said}")).0.to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            drop(server.kill());
            drop(server.wait());
        }
    }
}
