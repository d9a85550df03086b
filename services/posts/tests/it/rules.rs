//! The rules that the database holds rows to, and what a client gets who would break them.

use crate::support::stack;

/// Kept by the code before a row is written, and by the database in case the code is wrong.
const NEVER: Option<&str> = Some("internal-error");
/// Whoever comes second changes the row that is there, or finds it as wanted.
const MERGED: Option<&str> = None;

#[tokio::test]
async fn it_is_known_what_breaking_a_rule_of_the_database_answers() {
    let stack = stack().await;
    let answers = [
        ("posts_pkey", NEVER),
        ("posts_text_check", Some("validation-failed")),
        ("posts_attributes_check", Some("validation-failed")),
        ("posts_visibility_check", Some("validation-failed")),
        ("posts_version_check", NEVER),
        ("posts_check", NEVER),
        ("follows_pkey", MERGED),
        ("follows_sequence_check", NEVER),
        ("deleted_users_pkey", MERGED),
        // revisions go with their post, and are written under its lock
        ("revisions_pkey", NEVER),
        ("revisions_post_id_fkey", NEVER),
        ("revisions_version_check", NEVER),
        ("outbox_pkey", NEVER),
        ("outbox_positions_pkey", MERGED),
        ("idempotency_keys_pkey", Some("idempotency-key-in-use")),
    ];
    stack.assert_rules("posts", &answers).await;
}
