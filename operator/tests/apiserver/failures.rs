//! Writes that fail or whose answers are lost, while watches are late: what is there in the end is the same, and nothing was
//! made twice.

use std::time::Duration;

use futures::{StreamExt, stream};
use http::StatusCode;
use rand::seq::SliceRandom;

use crate::{
    crashes::{another_spec, assert_nothing_made_twice},
    faults::{Fate, Faults},
    rounds::BESIDE,
    spaces::{Space, spec},
};

/// What an operator sees then is as old as this.
const LATE: Duration = Duration::from_secs(2);
/// How many writes fail of a creation, and of a change. After each the operator rests for longer.
const FAILURES: usize = 3;

#[tokio::test]
async fn a_stack_comes_and_changes_the_same_though_writes_fail_and_watches_are_late() {
    let (undisturbed, writes) = {
        let space = Space::new("calm").await;
        space.apply(&spec()).await;
        let (_, created) = space.settle(Faults::none()).await;
        space.apply(&another_spec()).await;
        let (picture, changed) = space.settle(Faults::none()).await;
        (picture, [created, changed])
    };
    let fates = [
        Fate::Refused(StatusCode::CONFLICT),
        Fate::Refused(StatusCode::TOO_MANY_REQUESTS),
        Fate::Refused(StatusCode::INTERNAL_SERVER_ERROR),
        Fate::CutOff,
    ];
    let rounds = stream::iter(fates).for_each_concurrent(BESIDE, async |fate| {
        let space = Space::new("failures").await;
        let mut told = Vec::new();
        for (spec, writes) in [spec(), another_spec()].iter().zip(writes) {
            space.apply(spec).await;
            let mut fail: Vec<_> = (1..=writes).collect();
            fail.shuffle(&mut rand::rng());
            fail.truncate(FAILURES);
            told.push(fail.clone());
            space.settle(Faults::some(fail, fate).late(LATE)).await;
        }
        let (picture, _) = space.settle(Faults::none()).await;
        picture.assert_like(&undisturbed, &format!("{fate:?} for writes {told:?}"));
        assert_nothing_made_twice(&space);
    });
    rounds.await;
}
