//! The rules that the database holds rows to, and what a client gets who would break them.

use crate::auth;

/// Kept by the code before a row is written, and by the database in case the code is wrong.
const NEVER: Option<&str> = Some("internal-error");
/// Whoever comes second changes the row that is there, or finds it as wanted.
const MERGED: Option<&str> = None;
/// Random 128 bits or more, or a running number.
const UNIQUE: Option<&str> = Some("internal-error");

#[tokio::test]
async fn it_is_known_what_breaking_a_rule_of_the_database_answers() {
    let stack = auth().await;
    let answers = [
        // two who want the same at once; checked before, but the index has the last word
        ("users_username", Some("username-taken")),
        ("users_email", Some("email-taken")),
        // 12 random bits within a millisecond: another id is drawn, a few times
        ("users_pkey", Some("internal-error")),
        ("users_status_check", NEVER),
        ("sessions_pkey", UNIQUE),
        ("sessions_user_id_fkey", NEVER),
        ("reserved_usernames_pkey", MERGED),
        ("reserved_usernames_user_id_fkey", NEVER),
        ("email_changes_pkey", MERGED),
        ("email_changes_user_id_fkey", NEVER),
        ("pending_signups_pkey", UNIQUE),
        ("one_time_tokens_pkey", UNIQUE),
        ("one_time_tokens_purpose_check", NEVER),
        ("one_time_tokens_user_id_fkey", NEVER),
        // a sign-up that was confirmed while a mail for it was written: nobody waits for an answer, it is tried again
        ("one_time_tokens_signup_id_fkey", MERGED),
        ("one_time_tokens_check", NEVER),
        ("mails_pkey", UNIQUE),
        ("account_events_pkey", UNIQUE),
        ("throttles_pkey", MERGED),
        ("known_places_pkey", MERGED),
        ("grants_pkey", MERGED),
        ("grants_user_id_fkey", NEVER),
        // a scope that isn't one is looked up before
        ("grants_scope_check", Some("not-found")),
        ("outbox_pkey", UNIQUE),
        ("outbox_positions_pkey", MERGED),
        // no route of auth takes such keys
        ("idempotency_keys_pkey", NEVER),
    ];
    stack.assert_rules("auth", &answers).await;
}
