//! Takes mails to the server: one at a time in every replica, each by one of them. What can't be sent is tried again
//! after growing pauses until it is worth nothing any more. A courier that dies with a mail in hand lets its lease
//! end; the mail may then arrive twice, with the same `Message-ID`.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracklore_platform::{problem::Chain, time::Timestamp};

use super::{Content, Letter, Mailbox, letters::Writer, requests, transport::Transport};
use crate::{
    error::Error,
    store::mails::{self, Claimed},
};

/// Longer than sending may take.
const LEASE: Duration = Duration::from_mins(2);
/// How long mails of other replicas, or whose pause is over, may wait for somebody to look.
const POLL: Duration = Duration::from_secs(5);
/// The pause after the first failure; each is twice the one before…
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// …up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// The courier of one replica.
pub struct Courier {
    /// Where the mails wait.
    pub pool: PgPool,
    /// What opens them.
    pub mailbox: Mailbox,
    /// What is to be told.
    pub writer: Writer,
    /// The way out.
    pub transport: Transport,
}

impl Courier {
    /// Sends until `stop`; the mail in hand is finished.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.deliver_one().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(error = %Chain(&error), "mails wait"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.mailbox.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Takes a mail whose time has come; false when there is none.
    async fn deliver_one(&self) -> Result<bool, Error> {
        let now = Timestamp::now();
        let Some(mail) = mails::claim(&self.pool, LEASE, now).await? else { return Ok(false) };
        let outcome = self.deliver(&mail, now).await;
        self.settle(&mail, outcome).await?;
        Ok(true)
    }

    async fn deliver(&self, mail: &Claimed, now: Timestamp) -> Outcome {
        if now >= mail.give_up_at {
            return Outcome::Hopeless("it could not be sent in time".to_owned());
        }
        let letter = match self.letter(mail, now).await {
            Ok(letter) => letter,
            Err(outcome) => return outcome,
        };
        match self.transport.send(mail.id, &letter).await {
            Ok(()) => Outcome::Sent,
            Err(error) if error.is_permanent() => Outcome::Hopeless(Chain(&error).to_string()),
            Err(error) => Outcome::Later(Chain(&error).to_string()),
        }
    }

    /// The letter in the row. A request becomes one first, once and for all: its link must not change with every try.
    async fn letter(&self, mail: &Claimed, now: Timestamp) -> Result<Letter, Outcome> {
        let request = match self.mailbox.open(mail.id, &mail.sealed)? {
            Content::Letter(letter) => return Ok(letter),
            Content::Request(request) => request,
        };
        let mut tx = self.pool.begin().await.map_err(Error::from)?;
        let answer = requests::answer(&mut tx, &self.writer, request, now).await?;
        let letter = answer.ok_or(Outcome::Nothing)?;
        let sealed = self.mailbox.seal(mail.id, &Content::Letter(letter.clone()))?;
        if !mails::replace(&mut *tx, mail, &sealed).await.map_err(Error::from)? {
            return Err(Outcome::Lost);
        }
        tx.commit().await.map_err(Error::from)?;
        Ok(letter)
    }

    async fn settle(&self, mail: &Claimed, outcome: Outcome) -> Result<(), Error> {
        let (id, kind, now) = (mail.id, mail.kind.clone(), Timestamp::now());
        let label = match &outcome {
            Outcome::Sent => "sent",
            Outcome::Nothing => "nothing-to-say",
            Outcome::Lost => return Ok(()),
            Outcome::Hopeless(reason) => {
                tracing::error!(mail = %id, kind, attempts = mail.attempts, reason, "mail given up");
                "given-up"
            }
            Outcome::Later(reason) => {
                tracing::warn!(mail = %id, kind, attempts = mail.attempts, reason, "mail will be tried again");
                "failed"
            }
        };
        metrics::counter!(crate::metrics::MAILS.name, "kind" => kind, "outcome" => label).increment(1);
        match outcome {
            Outcome::Later(_) => {
                let at = now.plus(pause(mail.attempts)).min(mail.give_up_at);
                Ok(mails::postpone(&self.pool, mail, at).await?)
            }
            _ => Ok(mails::finish(&self.pool, mail, now).await?),
        }
    }
}

/// What became of a mail.
enum Outcome {
    Sent,
    /// The request comes to nothing.
    Nothing,
    /// The lease ended, and somebody else has it.
    Lost,
    Later(String),
    Hopeless(String),
}

/// The database is away, or only a newer version of this program can read the mail: that passes.
impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self::Later(Chain(&error).to_string())
    }
}

/// The pause after so many failures.
fn pause(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_ten_minutes() {
        let seconds: Vec<_> = [1, 2, 3, 8, 9, i32::MAX].map(|n| pause(n).as_secs()).into();
        assert_eq!(seconds, [5, 10, 20, 600, 600, 600]);
    }
}
