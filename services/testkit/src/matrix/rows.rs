//! A fingerprint of a database: what stands in each table.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgPool};

/// Rows of each table, as their number and a hash of all.
pub type Rows = BTreeMap<String, (i64, Option<String>)>;

/// Of these only which there are: that they are done with is noted later, and nobody's doing.
const WORK: [&str; 3] = ["outbox", "mails", "deleted_users"];

/// What stands in all tables now.
pub async fn rows(pool: &PgPool) -> Rows {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace \
         AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE '%migrations' ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .expect("the tables");
    let selects = tables.iter().map(|table| {
        let columns = if WORK.contains(&table.as_str()) { "id" } else { "t" };
        format!(
            "SELECT '{table}', count(*), md5(string_agg({columns}::text, ' ' ORDER BY {columns}::text)) FROM {table} t"
        )
    });
    // names come from the catalogue of a database that the test has made
    let query = AssertSqlSafe(selects.collect::<Vec<_>>().join(" UNION ALL "));
    let rows: Vec<(String, i64, Option<String>)> =
        sqlx::query_as(query).fetch_all(pool).await.expect("the rows");
    rows.into_iter().map(|(table, count, hash)| (table, (count, hash))).collect()
}

/// The tables in which something changed.
pub fn changed(before: &Rows, after: &Rows) -> Vec<String> {
    after
        .iter()
        .filter(|(table, rows)| before.get(*table) != Some(rows))
        .map(|(table, _)| table.clone())
        .collect()
}
