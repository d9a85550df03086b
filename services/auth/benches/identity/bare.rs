//! The server that services are compared with: it does nothing but answer, or but the one SELECT.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use serde::Serialize;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use tracklore_testkit::{Again, Stack};

/// Where the process that is the server finds the database. Its being set makes a process the server.
pub const DATABASE: &str = "BENCH_BARE_DATABASE";

/// Starts it.
pub fn start(stack: &Stack) -> Again {
    Again::start(&[(DATABASE, &stack.runtime_url("user"))])
}

/// Serves until the process is ended; says its address first.
pub async fn serve(database: &str) {
    let pool =
        PgPoolOptions::new().max_connections(5).test_before_acquire(false).connect(database).await.unwrap();
    let router = Router::new()
        .route("/nothing", get(async || ([("x-user-id", "1"), ("x-session-id", "1"), ("x-scope", "")], "")))
        .route("/select/{id}", get(select))
        .with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

#[derive(Serialize, sqlx::FromRow)]
struct Person {
    id: i64,
    username: Option<String>,
    status: String,
    display_name: Option<String>,
    bio: Option<String>,
    avatar_url: Option<String>,
    location: Option<String>,
    follow_policy: String,
    followers_count: i64,
    following_count: i64,
    version: i64,
    created_at: String,
    updated_at: String,
}

/// What user reads for a profile.
async fn select(State(pool): State<PgPool>, Path(id): Path<i64>) -> Json<Person> {
    let person = sqlx::query_as(
        "SELECT u.id, u.username, u.status, p.display_name, p.bio, p.avatar_url, p.location, \
         coalesce(p.follow_policy, 'open') AS follow_policy, coalesce(c.followers, 0) AS followers_count, \
         coalesce(c.following, 0) AS following_count, coalesce(p.version, 0) AS version, \
         u.created_at::text AS created_at, coalesce(p.updated_at, u.created_at)::text AS updated_at \
         FROM auth_users u LEFT JOIN profiles p ON p.user_id = u.id LEFT JOIN follow_counts c ON c.user_id = u.id \
         WHERE u.id = $1",
    );
    Json(person.bind(id).fetch_one(&pool).await.unwrap())
}
