//! From the answer of a sign-up to the row that user keeps of the account.

use std::time::{Duration, Instant};

use tracklore_testkit::Stack;

use crate::table;

const SIGN_UPS: usize = 50;

/// Prints the line.
pub async fn measure(stack: &Stack) {
    let database = stack.database("user");
    let mut times = Vec::new();
    for number in 0..SIGN_UPS {
        let person = stack.sign_up(&format!("arrival-{number}")).await;
        let answered = Instant::now();
        loop {
            let row: Option<i64> =
                sqlx::query_scalar("SELECT id FROM auth_users WHERE id = $1 AND username IS NOT NULL")
                    .bind(person.id)
                    .fetch_optional(&database)
                    .await
                    .unwrap();
            if row.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(answered.elapsed());
    }
    times.sort_unstable();
    let beside = format!("worst of {SIGN_UPS}: {:.1?}", times[times.len() - 1]);
    let what = "`UserCreated` committed → row in `auth_users`, median";
    table::time(what, times[times.len() / 2], &beside, Duration::from_millis(50));
}
