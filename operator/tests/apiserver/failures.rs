//! The API server refuses some of the operator's writes, or does them and doesn't answer. It goes on by itself.

use futures::{StreamExt, stream};
use rand::seq::{IndexedRandom, index};

use crate::{
    faults::{Fate, Faults},
    rounds::{BESIDE, chosen},
    spaces::{Space, spec},
};

/// How often it is played in every change.
const FEW: usize = 2;
/// How many writes fail. The operator rests after each, twice as long as after the one before.
const FAILING: usize = 4;

const FATES: [Fate; 5] =
    [Fate::Refused(409), Fate::Refused(429), Fate::Refused(500), Fate::Refused(504), Fate::Unanswered];

#[tokio::test]
async fn writes_that_fail_are_made_good() {
    let space = Space::new("unfailing").await;
    space.apply(&spec()).await;
    let (undisturbed, writes) = space.settle(Faults::none()).await;

    stream::iter(chosen((0..100).collect(), FEW))
        .for_each_concurrent(BESIDE, async |_: usize| {
            let mut rng = rand::rng();
            let failing: Vec<_> = index::sample(&mut rng, writes, FAILING)
                .into_iter()
                .map(|index| (index + 1, *FATES.choose(&mut rng).unwrap()))
                .collect();
            let what = format!("failing writes: {failing:?}");
            println!("{what}");
            let space = Space::new("failing").await;
            space.apply(&spec()).await;
            let fate = move |number| {
                failing.iter().find(|(failing, _)| *failing == number).map_or(Fate::Done, |(_, fate)| *fate)
            };
            let (healed, _) = space.settle(Faults::new(fate)).await;
            healed.assert_like(&undisturbed, &what);
        })
        .await;
}
