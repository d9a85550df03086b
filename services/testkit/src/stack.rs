//! The services of one test: their settings, and starting and stopping them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use rand::random;
use serde_json::json;
use sqlx::PgPool;
use tempfile::TempDir;
use tracklore_platform::event::Record;

use crate::{
    Account, Cache,
    database::{self, Database},
    events::Events,
    eventually,
    forge::Forge,
    process::{self, Process},
    setting,
};

const SERVICES: [&str; 4] = ["auth", "user", "posts", "feed"];
/// The issuer of the tests' tokens; nothing is reached there.
const PUBLIC_URL: &str = "http://tracklore.test";

/// The services of one test and what they need; everything goes when it is dropped.
pub struct Stack {
    pub(crate) http: reqwest::Client,
    ports: BTreeMap<String, [u16; 3]>,
    processes: BTreeMap<String, Process>,
    databases: BTreeMap<&'static str, Database>,
    events: Events,
    redis_url: String,
    folder: TempDir,
    signer: SigningKey,
    extra: Vec<(String, String)>,
    /// Of single replicas.
    own: BTreeMap<String, Vec<(String, String)>>,
    unset: Vec<String>,
}

/// The secret of a service's client in tests.
pub(crate) fn client_secret(client: &str) -> String {
    format!("client-secret-of-{client}-in-tests")
}

impl Stack {
    /// Makes databases, topics and keys; nothing runs yet.
    pub async fn new() -> Self {
        let server = setting("TRACKLORE_TEST_POSTGRES_URL");
        let mut databases = BTreeMap::new();
        for service in ["auth", "user", "posts"] {
            databases.insert(service, Database::create(&server, service).await);
        }
        let redis = setting("TRACKLORE_TEST_REDIS_URL");
        let prefix = format!("t{:08x}.", random::<u32>());
        let events = Events::create(&setting("TRACKLORE_TEST_KAFKA"), prefix).await;
        let folder = TempDir::new().expect("a temporary folder");
        let signer = SigningKey::from_bytes(&random());
        write_keys(&folder, &signer);
        Self {
            http: crate::http(),
            ports: SERVICES.into_iter().map(|service| (service.to_owned(), free_ports())).collect(),
            processes: BTreeMap::new(),
            databases,
            events,
            redis_url: redis_database(&redis),
            folder,
            signer,
            extra: Vec::new(),
            own: BTreeMap::new(),
            unset: Vec::new(),
        }
    }

    /// Sets or overrides a setting of the services started from now on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.extra.push((key.to_owned(), value.to_owned()));
    }

    /// Sets or overrides a setting of this replica alone, whenever it is started.
    pub fn set_for(&mut self, replica: &str, key: &str, value: &str) {
        self.own.entry(replica.to_owned()).or_default().push((key.to_owned(), value.to_owned()));
    }

    /// Leaves a setting out of the services started from now on.
    pub fn unset(&mut self, key: &str) {
        self.unset.push(key.to_owned());
    }

    /// Migrates and starts a service and waits until it is ready.
    pub async fn start(&mut self, service: &str) {
        self.launch(service).await;
        self.ready(service).await;
    }

    /// Starts one more replica of a service, which goes by the name `replica` (`posts-2`) from then on, and waits until
    /// it is ready.
    pub async fn start_replica(&mut self, replica: &str) {
        self.ports.insert(replica.to_owned(), free_ports());
        self.start(replica).await;
    }

    /// Runs another sub-command of a service with the settings of `serve`: whether it ended well, and what it printed.
    pub async fn run(&self, service: &str, arguments: &[&str]) -> (bool, String) {
        process::output(program_of(service), arguments, &self.settings(service)).await
    }

    /// Migrates and starts a service without waiting.
    pub async fn launch(&mut self, service: &str) {
        if let Some(database) = self.databases.get(program_of(service)) {
            let url = ("TRACKLORE_MIGRATION_DATABASE_URL".to_owned(), database.owner_url());
            process::run(program_of(service), "migrate", &[url]).await;
        }
        let process =
            Process::start(service, program_of(service), &self.settings(service), self.folder.path());
        self.processes.insert(service.to_owned(), process);
    }

    /// Waits until a started service is ready.
    pub async fn ready(&mut self, service: &str) {
        let url = format!("{}/readyz", self.admin_url(service));
        eventually(&format!("{service} is ready"), async || {
            if let Some(process) = self.processes.get_mut(service) {
                process.assert_alive();
            }
            self.http.get(&url).send().await.ok().filter(|answer| answer.status().is_success())
        })
        .await;
    }

    /// SIGKILL.
    pub async fn kill(&mut self, service: &str) {
        self.processes.remove(service).expect("it runs").kill().await;
    }

    /// SIGTERM, and wait until it has ended well.
    pub async fn stop(&mut self, service: &str) {
        assert!(
            self.processes.remove(service).expect("it runs").terminate().await,
            "{service} ended with a failure"
        );
    }

    /// The process id of a running service.
    pub fn process_id(&self, service: &str) -> Option<u32> {
        self.processes.get(service)?.id()
    }

    /// What a running service has logged: JSON lines.
    pub fn log(&self, service: &str) -> Vec<serde_json::Value> {
        let log = self.processes.get(service).expect("it runs").log();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Base URL of the public port.
    pub fn public_url(&self, service: &str) -> String {
        self.url(service, 0)
    }

    /// Base URL of the internal port.
    pub fn internal_url(&self, service: &str) -> String {
        self.url(service, 1)
    }

    /// Base URL of the admin port.
    pub fn admin_url(&self, service: &str) -> String {
        self.url(service, 2)
    }

    /// What a service tells Prometheus.
    pub async fn metrics(&self, service: &str) -> String {
        let answer = self.http.get(format!("{}/metrics", self.admin_url(service))).send().await;
        answer.expect("the admin port answers").text().await.expect("text")
    }

    /// The stack's own Redis database.
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// A connection to it.
    pub async fn redis(&self) -> Cache {
        Cache::open(&self.redis_url).await
    }

    /// A pool of the owner of a service's database.
    pub fn database(&self, service: &str) -> PgPool {
        self.databases.get(service).expect("a service with a database").pool()
    }

    /// Keeps a copy of a service's database as it is now; the service loses its connections.
    pub async fn back_up(&self, service: &str) {
        self.databases.get(service).expect("a service with a database").back_up().await;
    }

    /// Puts that copy in the place of the database; the service loses its connections.
    pub async fn restore(&self, service: &str) {
        self.databases.get(service).expect("a service with a database").restore().await;
    }

    /// Fails unless `answers` says for every rule of a running service's database, and for no other, which problem a client
    /// gets who would break it, and the service documents that problem.
    pub async fn assert_rules(&self, service: &str, answers: &[(&str, Option<&str>)]) {
        let rules = database::rules(&self.database(service)).await;
        let known: BTreeSet<_> = answers.iter().map(|(rule, _)| (*rule).to_owned()).collect();
        let unknown: Vec<_> = rules.difference(&known).collect();
        let gone: Vec<_> = known.difference(&rules).collect();
        assert!(
            unknown.is_empty(),
            "say what a client gets who would break these rules of {service}: {unknown:?}"
        );
        assert!(gone.is_empty(), "{service} doesn't have these rules: {gone:?}");
        let document = self.get(service, "/openapi.json").await.expect(200).json.to_string();
        for (rule, code) in answers.iter().filter_map(|(rule, code)| Some((rule, (*code)?))) {
            assert!(document.contains(&format!("`{code}`")), "{rule}: {service} documents no problem {code}");
        }
    }

    /// A pool of the owner of a service's database, if it has one.
    pub(crate) fn database_of(&self, service: &str) -> Option<PgPool> {
        self.databases.get(service).map(Database::pool)
    }

    /// The key that signs tokens.
    pub(crate) fn signer(&self) -> &SigningKey {
        &self.signer
    }

    /// URL of a service's database, for the role that may change the schema.
    pub fn owner_url(&self, service: &str) -> String {
        self.databases.get(service).expect("a service with a database").owner_url()
    }

    /// URL of a service's database, with the rights of the service.
    pub fn runtime_url(&self, service: &str) -> String {
        self.databases.get(service).expect("a service with a database").runtime_url()
    }

    /// Everything that stands in a topic now.
    pub async fn records(&self, topic: &str) -> Vec<Record> {
        self.events.read(topic).await
    }

    /// Waits until `matches` holds for a record of the topic.
    pub async fn record(&self, topic: &str, matches: impl Fn(&Record) -> bool) -> Record {
        eventually(&format!("the record stands in {topic}"), async || {
            self.records(topic).await.into_iter().find(&matches)
        })
        .await
    }

    /// Writes any record into a topic, also one that no service would write.
    pub async fn write_record(&self, topic: &str, key: &str, headers: &[(&str, &str)], value: Option<&[u8]>) {
        self.events.write(topic, key, headers, value).await;
    }

    /// Gives a topic more partitions.
    pub async fn grow(&self, topic: &str, partitions: usize) {
        self.events.grow(topic, partitions).await;
    }

    /// What the topics' full names begin with.
    pub fn topic_prefix(&self) -> &str {
        &self.events.prefix
    }

    /// The same person with these scopes in the token, as if auth had granted them.
    pub fn with_scope(&self, account: &Account, scope: &str) -> Account {
        let access_token = Forge::new(&self.signer, &account.access_token).with(json!({"scope": scope}));
        Account { access_token, ..account.clone() }
    }

    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    fn url(&self, service: &str, index: usize) -> String {
        let port = self.ports.get(service).and_then(|ports| ports.get(index)).expect("a known service");
        format!("http://127.0.0.1:{port}")
    }

    fn settings(&self, replica: &str) -> Vec<(String, String)> {
        let service = program_of(replica);
        let address = |url: String| url.trim_start_matches("http://").to_owned();
        let folder = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let mut settings = vec![
            ("TRACKLORE_LISTEN_PUBLIC", address(self.public_url(replica))),
            ("TRACKLORE_LISTEN_INTERNAL", address(self.internal_url(replica))),
            ("TRACKLORE_LISTEN_ADMIN", address(self.admin_url(replica))),
            ("TRACKLORE_PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("TRACKLORE_SHUTDOWN_DRAIN", "100ms".to_owned()),
            ("TRACKLORE_KAFKA_BOOTSTRAP_SERVERS", setting("TRACKLORE_TEST_KAFKA")),
            ("TRACKLORE_KAFKA_TOPIC_PREFIX", self.events.prefix.clone()),
        ];
        if let Some(database) = self.databases.get(service) {
            settings.push(("TRACKLORE_DATABASE_URL", database.runtime_url()));
            settings.push(("TRACKLORE_DATABASE_MAX_CONNECTIONS", "5".to_owned()));
        }
        if service == "auth" {
            settings.push(("TRACKLORE_EMAIL_VERIFICATION", "optional".to_owned()));
            settings.push(("TRACKLORE_MAIL_URL", self.mail_url()));
            settings.push(("TRACKLORE_SIGNING_KEYS_DIR", folder("signing-keys")));
            settings.push(("TRACKLORE_CLIENTS_DIR", folder("clients")));
            settings.push(("TRACKLORE_SESSION_KEY", STANDARD.encode([7; 32])));
            // all tests come from one address
            settings.push(("TRACKLORE_SIGNUPS_PER_ADDRESS", "1000000".to_owned()));
            settings.push(("TRACKLORE_LOGIN_FAILURES_PER_ADDRESS", "1000000".to_owned()));
        } else {
            settings
                .push(("TRACKLORE_JWKS_URL", format!("{}/.well-known/jwks.json", self.public_url("auth"))));
        }
        if ["user", "feed"].contains(&service) {
            settings.push(("TRACKLORE_AUTH_INTERNAL_URL", self.internal_url("auth")));
            settings.push(("TRACKLORE_CLIENT_ID", service.to_owned()));
            settings.push(("TRACKLORE_CLIENT_SECRET", client_secret(service)));
        }
        if service == "feed" {
            settings.push(("TRACKLORE_USER_INTERNAL_URL", self.internal_url("user")));
            settings.push(("TRACKLORE_POSTS_INTERNAL_URL", self.internal_url("posts")));
            settings.push(("TRACKLORE_REDIS_URL", self.redis_url.clone()));
        }
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value));
        let own = self.own.get(replica).into_iter().flatten();
        settings
            .chain(self.extra.iter().chain(own).cloned())
            .filter(|(key, _)| !self.unset.contains(key))
            .collect()
    }
}

/// The service that a replica is of: `posts-2` is of `posts`.
fn program_of(replica: &str) -> &str {
    replica.split('-').next().unwrap_or(replica)
}

impl Drop for Stack {
    /// Removes what the servers keep, on a thread of its own, because dropping can't wait.
    fn drop(&mut self) {
        self.processes.clear();
        let (databases, events) = (&self.databases, &self.events);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    for database in databases.values() {
                        database.drop().await;
                    }
                    events.delete().await;
                });
            });
        });
    }
}

/// A random database of the Redis at this URL; the first 64 are for tests that empty theirs again and again.
fn redis_database(url: &str) -> String {
    let address = url.trim_start_matches("redis://").split('/').next().unwrap_or_default();
    format!("redis://{address}/{}", 64 + random::<u16>() % 4032)
}

/// Three ports that nobody else takes: below the range that the system gives out by itself, each once per process.
pub fn free_ports() -> [u16; 3] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    [(); 3].map(|()| {
        loop {
            let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
            let port = u16::try_from(10_000 + offset).expect("a number below 20,000");
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                break port;
            }
        }
    })
}

fn write_keys(folder: &TempDir, signer: &SigningKey) {
    let (keys, clients) = (folder.path().join("signing-keys"), folder.path().join("clients"));
    fs::create_dir(&keys).expect("a folder");
    fs::create_dir(&clients).expect("a folder");
    let pem = signer.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF);
    fs::write(keys.join("20260101000000.pem"), pem.expect("a key").as_bytes()).expect("a file");
    for client in ["user", "posts", "feed"] {
        fs::write(clients.join(client), client_secret(client)).expect("a file");
    }
}
