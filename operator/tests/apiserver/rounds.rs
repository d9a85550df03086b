//! How many of all rounds are played: a few by chance in every change, all of them in a campaign.

use rand::seq::SliceRandom;

/// How many rounds run beside each other.
pub const BESIDE: usize = 4;

/// Those of `all` that are played: `few` of them, or as many as `ROUNDS` says.
pub fn chosen<T>(mut all: Vec<T>, few: usize) -> Vec<T> {
    let number = match std::env::var("ROUNDS").ok().as_deref() {
        None => few,
        Some("all") => all.len(),
        Some(number) => {
            number.parse().unwrap_or_else(|_| panic!("ROUNDS is {number}, and it can be a number or `all`"))
        }
    };
    all.shuffle(&mut rand::rng());
    all.truncate(number);
    all
}
