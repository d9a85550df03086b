//! A database per service and stack, with the rights that a real stack gives: the runtime role can't change the schema.

use std::collections::BTreeSet;

use rand::random;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgPoolOptions};

/// One service's database.
pub(crate) struct Database {
    server: String,
    name: String,
    role: String,
}

impl Database {
    /// Makes the database, owned by the superuser, and a runtime role that gets rights on whatever the owner makes.
    pub(crate) async fn create(server: &str, service: &str) -> Self {
        let suffix = format!("{:08x}", random::<u32>());
        let database = Self {
            server: server.trim_end_matches('/').to_owned(),
            name: format!("test_{service}_{suffix}"),
            role: format!("test_role_{suffix}"),
        };
        let Self { name, role, .. } = &database;
        let mut admin = connect(&database.url_of("postgres")).await;
        execute(&mut admin, format!("CREATE DATABASE {name}")).await;
        execute(&mut admin, format!("CREATE ROLE {role} LOGIN PASSWORD 'test'")).await;
        let mut owner = connect(&database.owner_url()).await;
        for rights in
            ["SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE ON SEQUENCES", "EXECUTE ON FUNCTIONS"]
        {
            execute(&mut owner, format!("ALTER DEFAULT PRIVILEGES GRANT {rights} TO {role}")).await;
        }
        database
    }

    /// URL of the owner, for migrations and for looking inside.
    pub(crate) fn owner_url(&self) -> String {
        self.url_of(&self.name)
    }

    /// URL of the runtime role.
    pub(crate) fn runtime_url(&self) -> String {
        let (_, address) = self.server.rsplit_once('@').expect("a URL with credentials");
        let host = address.split('/').next().unwrap_or(address);
        format!("postgres://{}:test@{host}/{}", self.role, self.name)
    }

    /// A pool of the owner.
    pub(crate) fn pool(&self) -> PgPool {
        PgPoolOptions::new().max_connections(2).connect_lazy(&self.owner_url()).expect("a database URL")
    }

    /// Keeps a copy of the database as it is now. Who is connected is thrown out for it.
    pub(crate) async fn back_up(&self) {
        let (name, copy) = (&self.name, self.copy());
        let mut admin = connect(&self.url_of("postgres")).await;
        execute(&mut admin, format!("DROP DATABASE IF EXISTS {copy}")).await;
        execute(&mut admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        let all = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        execute(&mut admin, all).await;
        execute(&mut admin, format!("CREATE DATABASE {copy} TEMPLATE {name}")).await;
        execute(&mut admin, format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    }

    /// Puts the copy in the place of the database, whoever is connected.
    pub(crate) async fn restore(&self) {
        let (name, copy) = (&self.name, self.copy());
        let mut admin = connect(&self.url_of("postgres")).await;
        execute(&mut admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        execute(&mut admin, format!("CREATE DATABASE {name} TEMPLATE {copy}")).await;
    }

    fn copy(&self) -> String {
        format!("{}_copy", self.name)
    }

    /// Removes database, copy and role.
    pub(crate) async fn drop(&self) {
        let mut admin = connect(&self.url_of("postgres")).await;
        execute(&mut admin, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.copy())).await;
        execute(&mut admin, format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await;
        execute(&mut admin, format!("DROP ROLE IF EXISTS {}", self.role)).await;
    }

    /// The server's URL with another database at its end.
    fn url_of(&self, database: &str) -> String {
        let (start, address) = self.server.rsplit_once('@').expect("a URL with credentials");
        let host = address.split('/').next().unwrap_or(address);
        format!("{start}@{host}/{database}")
    }
}

/// The names of all rules that the database holds rows to: constraints and unique indexes.
pub(crate) async fn rules(pool: &PgPool) -> BTreeSet<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "WITH tables AS (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                         AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '%migrations') \
         SELECT conname::text FROM pg_constraint WHERE conrelid IN (SELECT oid FROM tables) AND contype <> 'n' \
         UNION SELECT relname::text FROM pg_index JOIN pg_class ON oid = indexrelid \
               WHERE indisunique AND indrelid IN (SELECT oid FROM tables)",
    )
    .fetch_all(pool)
    .await
    .expect("the catalogue");
    names.into_iter().collect()
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the test's Postgres answers")
}

async fn execute(connection: &mut PgConnection, statement: String) {
    // names are made here, of hexadecimal digits
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(connection).await.expect("the statement runs");
}
