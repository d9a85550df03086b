//! The rules that the database holds rows to, and what a client gets who would break them.

use crate::stack;

/// Kept by the code before a row is written, and by the database in case the code is wrong.
const NEVER: Option<&str> = Some("internal-error");
/// Whoever comes second changes the row that is there, or finds it as wanted.
const MERGED: Option<&str> = None;
/// Accounts stay as tombstones, so what refers to one is never left alone; who is deleted is asked under its lock.
const GONE: Option<&str> = Some("not-found");

#[tokio::test]
async fn it_is_known_what_breaking_a_rule_of_the_database_answers() {
    let stack = stack().await;
    let answers = [
        ("auth_users_pkey", MERGED),
        ("auth_users_status_check", NEVER),
        ("auth_users_sequence_check", NEVER),
        ("auth_users_check", NEVER),
        ("auth_users_check1", NEVER),
        ("profiles_pkey", MERGED),
        ("profiles_user_id_fkey", GONE),
        ("profiles_follow_policy_check", Some("malformed-request")),
        ("profiles_version_check", NEVER),
        ("follows_pkey", MERGED),
        ("follows_follower_id_fkey", GONE),
        ("follows_followee_id_fkey", GONE),
        ("follows_state", NEVER),
        ("follows_sequence", NEVER),
        ("follows_not_oneself", Some("not-yourself")),
        ("follow_counts_pkey", MERGED),
        ("follow_counts_user_id_fkey", GONE),
        ("follow_counts_followers", NEVER),
        ("follow_counts_following", NEVER),
        ("blocks_pkey", MERGED),
        ("blocks_blocker_id_fkey", GONE),
        ("blocks_blocked_id_fkey", GONE),
        ("blocks_not_oneself", Some("not-yourself")),
        ("settings_pkey", MERGED),
        ("settings_user_id_fkey", GONE),
        ("settings_version", NEVER),
        ("goals_pkey", NEVER),
        ("goals_user_id_fkey", GONE),
        ("goals_status", Some("validation-failed")),
        ("goals_progress", Some("validation-failed")),
        ("goals_visibility", Some("validation-failed")),
        ("goals_completed", NEVER),
        ("goals_complete", Some("validation-failed")),
        ("goals_versions", NEVER),
        ("badges_pkey", Some("badge-exists")),
        ("badges_version", NEVER),
        ("badge_awards_pkey", MERGED),
        ("badge_awards_user_id_fkey", GONE),
        ("badge_awards_slug_fkey", GONE),
        ("badge_awards_sequence", NEVER),
        ("outbox_pkey", NEVER),
        ("outbox_positions_pkey", MERGED),
        ("idempotency_keys_pkey", Some("idempotency-key-in-use")),
    ];
    stack.assert_rules("user", &answers).await;
}
