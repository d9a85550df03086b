//! `import`: accounts of another program from JSON lines, each by itself: a bad one is reported with its number, and
//! the rest goes on. Passwords come as hashes and are renewed at the first log-in.
//!
//! ```json
//! {"id": 7, "username": "ada", "email": "ada@example.org", "password_hash": "$2b$12$…", "email_verified": true,
//!  "created_at": "2020-02-29T12:00:00Z"}
//! ```

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
};

use serde::Deserialize;
use serde_json::Value;
use sqlx::PgPool;
use tracklore_platform::{
    args::DatabaseArgs,
    database::{self, DatabaseError},
    id::UserId,
    outbox,
    problem::Problem,
    time::Timestamp,
};

use crate::{
    SERVICE,
    account::Candidate,
    hasher::Hasher,
    store::{
        accounts::{self, InsertError, New},
        audit::{self, Entry, What},
    },
};

/// Settings.
#[derive(clap::Args, Clone, Debug)]
pub struct ImportArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// File of JSON lines, each an object with `username`, `email`, `password_hash` (argon2, bcrypt, or PBKDF2 of
    /// Django) and maybe `id`, `email_verified`, `created_at`. Standard input if not given.
    file: Option<PathBuf>,
}

/// Why not everything was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A database setting is wrong.
    #[error(transparent)]
    Settings(#[from] DatabaseError),
    /// The database failed: nothing after this line was imported.
    #[error("line {line}: the database can't be used; lines before are imported")]
    Database {
        /// The first line that isn't imported.
        line: usize,
        /// What it said.
        source: sqlx::Error,
    },
    /// The lines can't be read.
    #[error("can't read the lines")]
    Read(#[from] io::Error),
    /// Some lines weren't imported.
    #[error("{refused} of {all} lines were not imported; each was named above")]
    Refused {
        /// How many.
        refused: usize,
        /// Of how many.
        all: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// Kept if it can be a user id; whatever it is elsewhere.
    id: Option<Value>,
    username: String,
    email: String,
    password_hash: String,
    #[serde(default)]
    email_verified: bool,
    created_at: Option<Timestamp>,
}

/// What is wrong with a line, or with the database.
enum Refusal {
    Line(String),
    Database(sqlx::Error),
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let errors = problem.body("").errors;
        let all: Vec<_> = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect();
        Self::Line(all.join(" "))
    }
}

/// Imports all lines that can be.
pub async fn import(args: &ImportArgs) -> Result<(), ImportError> {
    let pool = database::pool(&args.database)?;
    let lines: Box<dyn BufRead> = match &args.file {
        Some(path) => Box::new(BufReader::new(File::open(path)?)),
        None => Box::new(io::stdin().lock()),
    };
    let (mut all, mut refused) = (0, 0);
    for (number, line) in (1..).zip(lines.split(b'\n')) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        all += 1;
        match import_line(&pool, &line).await {
            Ok(None) => {}
            Ok(Some(id)) => println!("line {number}: the id can't be kept, it is {id} here"),
            Err(Refusal::Line(reason)) => {
                refused += 1;
                eprintln!("line {number}: {reason}");
            }
            Err(Refusal::Database(source)) => return Err(ImportError::Database { line: number, source }),
        }
    }
    println!("{} accounts imported", all - refused);
    if refused == 0 { Ok(()) } else { Err(ImportError::Refused { refused, all }) }
}

/// Imports one account; the id it got, if it isn't the given one.
async fn import_line(pool: &PgPool, line: &[u8]) -> Result<Option<UserId>, Refusal> {
    let line: Line = serde_json::from_slice(line).map_err(|error| Refusal::Line(error.to_string()))?;
    let now = Timestamp::now();
    let candidate = Candidate::imported(line.username, &line.email)?;
    Hasher::check_imported(&line.password_hash)
        .map_err(|reason| Refusal::Line(format!("/password_hash: {reason}")))?;
    let created_at = line.created_at.unwrap_or(now);
    if created_at > now {
        return Err(Refusal::Line("/created_at: this is in the future".to_owned()));
    }
    let given = line.id.as_ref().and_then(Value::as_i64).and_then(|id| UserId::try_from(id).ok());
    let id = given.unwrap_or_else(|| UserId::generate(now));

    let mut tx = pool.begin().await?;
    let new = New {
        id,
        username: &candidate.username,
        email: &candidate.email,
        email_verified: line.email_verified,
        password_hash: &line.password_hash,
    };
    let account = accounts::insert(&mut tx, &new, created_at).await.map_err(|error| match error {
        InsertError::IdTaken => Refusal::Line(format!("/id: {id} is taken")),
        InsertError::UsernameTaken => Refusal::Line(format!("/username: {} is taken", candidate.username)),
        InsertError::EmailTaken => Refusal::Line(format!("/email: {} is taken", candidate.email)),
        InsertError::Database(error) => Refusal::Database(error),
    })?;
    outbox::append(&mut tx, SERVICE, &account.created()).await?;
    let entry = Entry::of(id, What::SignedUp).detail(serde_json::json!({"imported": true}));
    audit::append(&mut tx, &entry, now).await?;
    tx.commit().await?;
    Ok((line.id.is_some() && given.is_none()).then_some(id))
}
