//! What two users do to each other: follow, accept, refuse, end, block. Each is one transaction under the locks of both
//! accounts, so neither a deletion nor a block nor the same request elsewhere can come between.

use sqlx::{PgConnection, Postgres, Transaction};
use tracklore_platform::{id::UserId, problem::Problem, time::Timestamp};

use crate::{
    actor::Actor,
    domain::{FollowAct, FollowState},
    error::Error,
    state::AppState,
    store::{
        blocks, follows,
        profiles::{self, Lookup},
        references,
    },
};

/// How many somebody can follow.
const MAX_FOLLOWING: i64 = 10_000;

/// What came of the wish to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The actor follows.
    Yes,
    /// The other is asked.
    Asked,
}

/// The actor wants to follow `other`. Who was blocked by the other gets the answer that anybody gets, and nothing comes of
/// it: a block isn't told.
pub async fn follow(state: &AppState, actor: &Actor, other: UserId) -> Result<Followed, Error> {
    let mut tx = begin(state, actor, other).await?;
    let Lookup::Here(profile) = profiles::find(&mut *tx, other).await? else {
        return Err(Error::NoSuchUser);
    };
    if blocks::exists(&mut *tx, actor.id(), other).await? {
        let detail = "You have blocked this user. Take the block back first.";
        return Err(Problem::conflict("blocked-by-you", detail).into());
    }
    let before = follows::find(&mut tx, actor.id(), other).await?;
    let wish = FollowAct::Follow(profile.follow_policy);
    let Some(after) = before.after(wish, Timestamp::now()) else { return Ok(answer(before.state)) };
    if follows::following_count(&mut tx, actor.id()).await? >= MAX_FOLLOWING {
        let detail = format!("Nobody can follow more than {MAX_FOLLOWING} users.");
        return Err(Problem::unprocessable("follow-limit-reached", detail).into());
    }
    if !blocks::exists(&mut *tx, other, actor.id()).await? {
        follows::save(&mut tx, &before, &after).await?;
        commit(state, tx).await?;
    }
    Ok(answer(after.state))
}

fn answer(state: FollowState) -> Followed {
    if state == FollowState::Following { Followed::Yes } else { Followed::Asked }
}

/// The actor doesn't want to follow `other` any more, or to ask for it.
pub async fn unfollow(state: &AppState, actor: &Actor, other: UserId) -> Result<(), Error> {
    let mut tx = begin(state, actor, other).await?;
    change(&mut tx, actor.id(), other, FollowAct::End).await?;
    commit(state, tx).await
}

/// The actor accepts the request of `other`; 404 when there is none.
pub async fn accept(state: &AppState, actor: &Actor, other: UserId) -> Result<(), Error> {
    let mut tx = begin(state, actor, other).await?;
    match change(&mut tx, other, actor.id(), FollowAct::Accept).await? {
        FollowState::Following => commit(state, tx).await,
        FollowState::Apart | FollowState::Requested => Err(Error::Missing("request")),
    }
}

/// The actor refuses the request of `other`, if there is one.
pub async fn refuse(state: &AppState, actor: &Actor, other: UserId) -> Result<(), Error> {
    let mut tx = begin(state, actor, other).await?;
    change(&mut tx, other, actor.id(), FollowAct::Refuse).await?;
    commit(state, tx).await
}

/// The actor doesn't want to be followed by `other` any more.
pub async fn remove_follower(state: &AppState, actor: &Actor, other: UserId) -> Result<(), Error> {
    let mut tx = begin(state, actor, other).await?;
    change(&mut tx, other, actor.id(), FollowAct::End).await?;
    commit(state, tx).await
}

/// The actor doesn't want to have to do with `other`: what there is between them ends, and `other` can begin nothing new.
pub async fn block(state: &AppState, actor: &Actor, other: UserId) -> Result<(), Error> {
    let mut tx = begin(state, actor, other).await?;
    blocks::insert(&mut tx, actor, other, Timestamp::now()).await?;
    // counts are locked by ascending id within each; the accounts' locks keep others from coming between
    change(&mut tx, actor.id(), other, FollowAct::End).await?;
    change(&mut tx, other, actor.id(), FollowAct::End).await?;
    commit(state, tx).await
}

/// A transaction that holds both accounts. 422 for oneself, 404 for somebody unknown or deleted.
async fn begin(
    state: &AppState,
    actor: &Actor,
    other: UserId,
) -> Result<Transaction<'static, Postgres>, Error> {
    if actor.id() == other {
        return Err(Error::Oneself);
    }
    // accounts that no event has told of yet come from auth, before the transaction
    state.directory.require_account(other).await?;
    let mut tx = state.pool.begin().await?;
    let accounts = references::lock(&mut tx, &[actor.id(), other]).await?;
    if !accounts.is_active(actor.id()) {
        return Err(Error::CallerGone);
    }
    if accounts.is_deleted(other) {
        return Err(Error::NoSuchUser);
    }
    Ok(tx)
}

async fn change(
    connection: &mut PgConnection,
    who: UserId,
    whom: UserId,
    act: FollowAct,
) -> Result<FollowState, Error> {
    let before = follows::find(connection, who, whom).await?;
    let Some(after) = before.after(act, Timestamp::now()) else { return Ok(before.state) };
    follows::save(connection, &before, &after).await?;
    Ok(after.state)
}

async fn commit(state: &AppState, tx: Transaction<'static, Postgres>) -> Result<(), Error> {
    tx.commit().await?;
    state.relay.wake();
    Ok(())
}
