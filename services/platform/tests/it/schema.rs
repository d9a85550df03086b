//! Two versions of a service on one database: it grows, both work, the older one's part goes.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use tokio::time::timeout;
use tracklore_platform::{
    args::MigrateArgs,
    database::DatabaseError,
    problem::Chain,
    schema::{CONTRACTED, Schema},
    telemetry::LogFormat,
};
use tracklore_testkit::{Stack, eventually};

const TABLE: (i64, &str, &str) = (1, "people", "CREATE TABLE people (name text)");
const NEW_COLUMN: (i64, &str, &str) = (2, "full name", "ALTER TABLE people ADD COLUMN full_name text");
const OLD_COLUMN: (i64, &str, &str) = (1, "name of people", "ALTER TABLE people DROP COLUMN name");

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = migrations.iter().map(|(version, description, sql)| {
        let (description, kind) = (Cow::Borrowed(*description), MigrationType::Simple);
        Migration::new(*version, description, kind, sqlx::SqlStr::from_static(sql), false)
    });
    Migrator { migrations: Cow::Owned(migrations.collect()), ..Migrator::DEFAULT }
}

fn schema(
    expand: &[(i64, &'static str, &'static str)],
    contract: &[(i64, &'static str, &'static str)],
) -> Schema {
    Schema {
        expand: Migrator { ignore_missing: true, ..migrator(expand) },
        contract: Migrator { table_name: Cow::Borrowed(CONTRACTED), ..migrator(contract) },
    }
}

fn versions() -> [Schema; 2] {
    [schema(&[TABLE], &[]), schema(&[TABLE, NEW_COLUMN], &[OLD_COLUMN])]
}

async fn migrate(schema: &Schema, url: &str, contract: bool) -> Result<(), DatabaseError> {
    let args = MigrateArgs {
        contract,
        migration_database_url: url.to_owned().into(),
        migration_database_username: None,
        migration_database_password: None,
        log: "info".to_owned(),
        log_format: LogFormat::Text,
    };
    schema.migrate(&args).await
}

#[tokio::test]
async fn an_older_version_works_until_a_newer_one_has_taken_away_what_it_uses() {
    let [old, new] = versions();
    let stack = Stack::new().await;
    let url = stack.owner_url("posts");
    migrate(&old, &url, false).await.unwrap();
    migrate(&new, &url, false).await.unwrap();
    migrate(&old, &url, false).await.expect("it accepts what has been added");
    migrate(&old, &url, true).await.expect("it has nothing to take away");
    let people = stack.database("posts");
    sqlx::query("SELECT name, full_name FROM people").fetch_all(&people).await.expect("both are there");

    migrate(&new, &url, true).await.unwrap();
    sqlx::query("SELECT full_name FROM people").fetch_all(&people).await.unwrap();
    sqlx::query("SELECT name FROM people").fetch_all(&people).await.expect_err("it has gone");
    for contract in [false, true] {
        let refused = migrate(&old, &url, contract).await.unwrap_err();
        assert!(matches!(refused, DatabaseError::Contracted { .. }), "{refused:?}");
        let said = Chain(&refused).to_string();
        assert!(said.contains("too old") && said.contains("name of people"), "{said}");
        migrate(&new, &url, contract).await.expect("what is done isn't done again");
    }
}

#[tokio::test]
async fn a_migration_that_waits_for_a_table_lets_others_pass_and_goes_on_when_it_is_free() {
    let [old, new] = versions();
    let stack = Stack::new().await;
    let url = stack.owner_url("posts");
    migrate(&old, &url, false).await.unwrap();
    let people = stack.database("posts");
    let mut busy = people.begin().await.unwrap();
    sqlx::query("LOCK TABLE people IN ACCESS SHARE MODE").execute(&mut *busy).await.unwrap();

    let freed = AtomicBool::new(false);
    let others = async {
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'people'::regclass";
        eventually("the migration waits for the table", async || {
            let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&people).await.unwrap();
            (waiting > 0).then_some(())
        })
        .await;
        // They would have to wait as long as the busy transaction lasts if the migration didn't give way.
        let read = sqlx::query("SELECT FROM people").execute(&people);
        timeout(Duration::from_secs(20), read).await.expect("others get through").unwrap();
        freed.store(true, Ordering::Relaxed);
        busy.rollback().await.unwrap();
    };
    let migration = async {
        migrate(&new, &url, false).await.expect("it goes on");
        assert!(freed.load(Ordering::Relaxed), "the table was in use");
    };
    tokio::join!(others, migration);
}
