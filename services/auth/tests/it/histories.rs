//! Refresh tokens against the real database: whatever their owners, their tabs and a thief do, in whatever order, the
//! answers are those that the rules give. `session::lineage` has the rules; here they are told once more, from outside.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tracklore_testkit::{Account, Answer, Stack, eventually};
use uuid::Uuid;

use crate::{auth, count, ended, refresh, session_of, text};

const SESSIONS: u64 = 24;
const STEPS: usize = 30;
/// How long the last token may come again.
const GRACE: u64 = 10;
/// Steps of the test's clock are kept so far from the grace that a slow machine makes no difference.
const MARGIN: u64 = 6;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The present token is used.
    Refresh,
    /// Two tabs use it at once.
    Together,
    /// The last token comes again: its answer was lost, or it was copied.
    Retry,
    /// A token from long ago.
    Steal,
    /// The owner logs out.
    LogOut,
    /// Seconds pass.
    Wait(u64),
}

/// One session with all tokens that it ever gave, and what is to be expected of it.
struct History {
    account: Account,
    session: Uuid,
    tokens: Vec<String>,
    access_token: String,
    since_rotation: u64,
    over: bool,
    stolen: bool,
}

impl History {
    async fn begin(stack: &Stack, name: &str) -> Self {
        let account = stack.sign_up(name).await;
        Self {
            session: session_of(stack, &account).await.parse().unwrap(),
            tokens: vec![account.refresh_token.clone()],
            access_token: account.access_token.clone(),
            account,
            since_rotation: 0,
            over: false,
            stolen: false,
        }
    }

    /// One that can be done now, and whose outcome is certain.
    fn choose(&self, random: &mut StdRng) -> Step {
        loop {
            let step = match random.random_range(0..100) {
                0..40 => Step::Refresh,
                40..55 => Step::Together,
                55..75 => Step::Retry,
                75..79 => Step::Steal,
                79..81 => Step::LogOut,
                81..95 => Step::Wait(1),
                _ => Step::Wait(2 * GRACE),
            };
            let enough = match step {
                Step::Retry => self.tokens.len() > 1,
                Step::Steal => self.tokens.len() > 2,
                Step::Wait(1) => self.since_rotation < GRACE - MARGIN || self.since_rotation > GRACE,
                _ => true,
            };
            if enough {
                return step;
            }
        }
    }

    fn token(&self, behind: usize) -> &str {
        self.tokens.iter().rev().nth(behind).unwrap()
    }

    async fn take(&mut self, stack: &Stack, step: Step) {
        match step {
            Step::Refresh => self.used(refresh(stack, self.token(0)).await),
            Step::Together => {
                let present = self.token(0).to_owned();
                let (one, other) = tokio::join!(refresh(stack, &present), refresh(stack, &present));
                assert_eq!(text(&one, "refresh_token"), text(&other, "refresh_token"));
                self.used(one);
            }
            Step::Retry => {
                let again = refresh(stack, self.token(1)).await;
                if self.over || self.since_rotation >= GRACE {
                    self.refused(again);
                } else {
                    assert_eq!(text(&again.expect(200), "refresh_token"), self.token(0));
                }
            }
            Step::Steal => {
                let answer = refresh(stack, self.token(2)).await;
                self.refused(answer);
            }
            Step::LogOut => {
                let bearer = Account { access_token: self.access_token.clone(), ..self.account.clone() };
                let answer = bearer.post(stack, "auth", "/v1/auth/logout", &serde_json::Value::Null).await;
                answer.expect(if self.over { 401 } else { 204 });
                self.over = true;
            }
            Step::Wait(seconds) => {
                let past = "UPDATE sessions SET created_at = created_at - make_interval(secs => $2), \
                     last_used_at = last_used_at - make_interval(secs => $2), \
                     expires_at = expires_at - make_interval(secs => $2) WHERE id = $1";
                let past =
                    sqlx::query(past).bind(self.session).bind(f64::from(u32::try_from(seconds).unwrap()));
                past.execute(&stack.database("auth")).await.unwrap();
                self.since_rotation += seconds;
            }
        }
    }

    /// What the present token gave.
    fn used(&mut self, answer: Answer) {
        if self.over {
            answer.expect(401);
            return;
        }
        let pair = answer.expect(200);
        self.tokens.push(text(&pair, "refresh_token"));
        self.access_token = text(&pair, "access_token");
        self.since_rotation = 0;
    }

    /// An older token is never good, and ends the session if it still goes on.
    fn refused(&mut self, answer: Answer) {
        assert_eq!(answer.expect(401).code(), "invalid-refresh-token");
        self.stolen |= !self.over;
        self.over = true;
    }
}

#[tokio::test]
async fn whatever_is_done_with_its_tokens_a_session_has_one_lineage_or_none() {
    let stack = auth().await;
    let first: u64 = rand::random();
    let (mut stolen, mut over) = (Vec::new(), 0);
    for number in 0..SESSIONS {
        let seed = first.wrapping_add(number);
        let mut random = StdRng::seed_from_u64(seed);
        let mut history = History::begin(&stack, &format!("person-{number}")).await;
        let mut steps = Vec::new();
        for _ in 0..STEPS {
            let step = history.choose(&mut random);
            steps.push(step);
            println!("{seed}: {step:?}");
            history.take(&stack, step).await;
        }
        let tokens = history.tokens.iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(tokens.len(), history.tokens.len(), "no token was given twice: {steps:?}");
        over += i64::from(history.over);
        if history.stolen {
            stolen.push((history.session.to_string(), "refresh-token-reuse".to_owned()));
        }
    }
    assert!(!stolen.is_empty(), "nothing was stolen in any history");
    assert_eq!(count(&stack, "sessions WHERE revoked_at IS NOT NULL").await, over);
    // each end is told once
    stolen.sort();
    eventually("every theft is published, once", async || {
        let mut told = ended(&stack).await;
        told.retain(|(_, reason)| reason == "refresh-token-reuse");
        told.sort();
        (told == stolen).then_some(())
    })
    .await;
}
