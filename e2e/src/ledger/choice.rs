//! Which faults are played, `LEDGER_ROUNDS` times: all, or those that `LEDGER_FAULTS` names, or as many as it says. Then it is
//! the turn of others every day, so that all come round.

use std::time::{SystemTime, UNIX_EPOCH};

use super::fault::Fault;

const DAY: u64 = 24 * 60 * 60;

pub(super) fn chosen() -> Vec<Fault> {
    let wanted = std::env::var("LEDGER_FAULTS").unwrap_or_default();
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() / DAY);
    choose(&wanted, today).unwrap_or_else(|unknown| {
        let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        unreachable!("LEDGER_FAULTS has {unknown:?}; give all, a number, or some of: {}", names.join(" "))
    })
}

/// How often each of them is played.
pub(super) fn rounds() -> usize {
    let rounds = std::env::var("LEDGER_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    rounds.unwrap_or(1)
}

/// The faults that `wanted` means on a day; else the word that isn't understood.
fn choose(wanted: &str, day: u64) -> Result<Vec<Fault>, String> {
    let rotating = |count: usize| {
        let start = usize::try_from(day).unwrap_or_default() * count % Fault::ALL.len();
        Fault::ALL.into_iter().cycle().skip(start).take(count.min(Fault::ALL.len())).collect()
    };
    match wanted.trim() {
        "" | "all" => Ok(Fault::ALL.to_vec()),
        words => match words.parse() {
            Ok(count) => Ok(rotating(count)),
            Err(_) => words
                .split([' ', ','])
                .filter(|word| !word.is_empty())
                .map(|word| Fault::named(word).ok_or_else(|| word.to_owned()))
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_numbers_and_all_are_understood() {
        let names = |faults: &[Fault]| faults.iter().map(|fault| fault.name()).collect::<Vec<_>>();
        assert_eq!(choose("all", 0).unwrap(), Fault::ALL);
        assert_eq!(choose("", 0).unwrap(), Fault::ALL);
        assert_eq!(names(&choose("kill-kafka, kill-posts", 0).unwrap()), ["kill-kafka", "kill-posts"]);
        assert_eq!(choose("3", 5).unwrap().len(), 3);
        assert_eq!(choose("kill-moon", 0).unwrap_err(), "kill-moon");
    }

    #[test]
    fn every_fault_has_its_day() {
        let days = u64::try_from(Fault::ALL.len()).unwrap();
        for count in ["1", "2", "3"] {
            let seen: BTreeSet<_> =
                (0..days).flat_map(|day| choose(count, day).unwrap()).map(Fault::name).collect();
            assert_eq!(seen.len(), Fault::ALL.len());
        }
    }
}
