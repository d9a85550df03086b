//! What an account is, and what usernames, e-mail addresses and passwords may be.

mod email;
mod password;
mod username;

use secrecy::SecretString;
use serde::Serialize;
use tracklore_platform::{event::Event, event::payload, id::UserId, time::Timestamp, validate::Violations};
use utoipa::ToSchema;

pub use email::normalize as normalize_email;
pub use password::{PasswordRules, normalize as normalize_password};

/// An account as the database holds it, without its password.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Account {
    /// Who.
    pub id: UserId,
    /// As typed at sign-up; compared without regard to case.
    pub username: String,
    /// Lower-cased.
    pub email: String,
    /// Whether the owner of the address has confirmed it.
    pub email_verified: bool,
    /// Whether it can be used.
    pub status: Status,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// It can.
    Active,
    /// Not for now.
    Suspended,
    /// Never again.
    Deleted,
}

/// The account as the other services see it, in events and answers alike.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reference<'a> {
    id: UserId,
    username: &'a str,
    status: Status,
    created_at: Timestamp,
}

/// Who wants an account, with everything checked.
pub struct Candidate {
    /// As typed.
    pub username: String,
    /// Lower-cased.
    pub email: String,
    /// In Unicode NFC.
    pub password: SecretString,
}

impl Account {
    /// What the other services may know.
    pub fn reference(&self) -> Reference<'_> {
        Reference { id: self.id, username: &self.username, status: self.status, created_at: self.created_at }
    }

    /// The event that it was made.
    pub fn created(&self) -> Event {
        self.event("tracklore.user.created.v1", 1, self.created_at)
    }

    /// The event number `sequence` of this account, which is now as `self` says.
    pub fn event(&self, r#type: &'static str, sequence: i64, occurred_at: Timestamp) -> Event {
        Event {
            aggregate_type: "user",
            aggregate_id: self.id.to_string(),
            r#type,
            sequence,
            occurred_at,
            payload: payload(&self.reference()),
        }
    }
}

impl Candidate {
    /// Who comes from another program with a name and an address; the password is only known by its hash.
    pub fn imported(username: String, email: &str) -> Result<Self, tracklore_platform::problem::Problem> {
        let email = normalize_email(email);
        let mut violations = Violations::default();
        violations.require(username::is_valid(&username), "/username", username::RULE);
        violations.require(email::is_valid(&email), "/email", email::RULE);
        violations.finish()?;
        Ok(Self { username, email, password: SecretString::default() })
    }

    /// Checks everything at once; the violations are named by JSON pointers.
    pub fn check(
        username: String,
        email: &str,
        password: &SecretString,
        rules: PasswordRules,
    ) -> Result<Self, tracklore_platform::problem::Problem> {
        let password = normalize_password(password);
        let mut violations = Violations::default();
        check_username(&mut violations, &username);
        let email = check_email(&mut violations, email);
        if let Err(weakness) = rules.check(&password, &username, &email) {
            violations.require(false, "/password", weakness.to_string());
        }
        violations.finish()?;
        Ok(Self { username, email, password })
    }
}

/// What a deleted account is called.
pub fn tombstone_name(id: UserId) -> String {
    format!("{}{id}", username::TOMBSTONE)
}

/// Notes what is wrong with a wished username.
pub fn check_username(violations: &mut Violations, username: &str) {
    violations.require(username::is_valid(username), "/username", username::RULE);
}

/// The wished address in the form in which it is kept; notes what is wrong with it.
pub fn check_email(violations: &mut Violations, email: &str) -> String {
    let email = normalize_email(email);
    violations.require(email::is_valid(&email), "/email", email::RULE);
    email
}

/// The new password of an account in the form in which it is hashed, when it is good enough.
pub fn check_new_password(
    password: &SecretString,
    account: &Account,
    rules: PasswordRules,
) -> Result<SecretString, tracklore_platform::problem::Problem> {
    let password = normalize_password(password);
    let mut violations = Violations::default();
    if let Err(weakness) = rules.check(&password, &account.username, &account.email) {
        violations.require(false, "/new_password", weakness.to_string());
    }
    violations.finish()?;
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        username: &str,
        email: &str,
        password: &str,
    ) -> Result<Candidate, tracklore_platform::problem::Problem> {
        Candidate::check(username.into(), email, &password.into(), PasswordRules::default())
    }

    #[test]
    fn all_violations_come_at_once_with_their_pointers() {
        let problem = check("1", "nobody", "short").map(|_| ()).unwrap_err();
        let body = problem.body("r");
        let pointers: Vec<_> = body.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!((body.status, pointers), (422, vec!["/username", "/email", "/password"]));
    }

    #[test]
    fn the_name_stays_as_typed_and_the_address_is_lower_cased() {
        let candidate = check("Ada", "Ada@Example.ORG", "a long enough one").unwrap();
        assert_eq!((candidate.username.as_str(), candidate.email.as_str()), ("Ada", "ada@example.org"));
    }

    #[test]
    fn the_event_of_a_new_account_tells_its_public_state_and_no_more() {
        let account = Account {
            id: UserId::try_from(7).unwrap(),
            username: "ada".into(),
            email: "ada@example.org".into(),
            email_verified: false,
            status: Status::Active,
            created_at: Timestamp::from_unix_millis(1_763_629_800_123),
        };
        let expected = serde_json::json!({
            "id": 7, "username": "ada", "status": "active", "created_at": "2025-11-20T09:10:00.123Z"
        });
        assert_eq!(account.created().payload, expected);
    }
}
