//! When keys and logins get a successor, and when the keys before one go.
//!
//! auth publishes every key of its Secret at once and signs with a new one 15 minutes later, when everybody knows it. What
//! its predecessor has signed is valid for an hour at most.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    observed::Observed,
    plan::{Plan, Recipe},
};

/// From a key's making until those before it can go: until auth has read and published it, until it signs, until what was
/// signed before has expired, and as long again for clocks and slow mounts.
const OVERLAP: SignedDuration = SignedDuration::from_hours(2);
/// How the file of a key is named: after the moment when it was made.
const FILE: &str = "%Y%m%d%H%M%S.pem";

/// When something has served long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At this age, where there is one.
    pub after: Option<SignedDuration>,
    /// When it was made before this moment, and the moment has come.
    pub requested_at: Option<Timestamp>,
}

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Whether there is to be another key.
    pub successor: bool,
    /// The files that can go.
    pub retired: Vec<String>,
}

/// The file name of a key made at this moment.
pub fn file(made: Timestamp) -> String {
    made.strftime(FILE).to_string()
}

/// When the key of a file was made. None for files that people have named otherwise: those are theirs.
pub fn made(file: &str) -> Option<Timestamp> {
    DateTime::strptime(FILE, file).ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// What is to be done about keys that were made at these moments.
pub fn due(keys: &[Timestamp], rule: &Rule, now: Timestamp) -> Due {
    let Some(newest) = keys.iter().max() else { return Due::default() };
    let is_known = now.duration_since(*newest) >= OVERLAP;
    let older = keys.iter().filter(|key| is_known && *key != newest);
    Due { successor: successor_at(*newest, rule) <= now, retired: older.map(|key| file(*key)).collect() }
}

/// How long until something is to be done for a stack that has what the plan asks for; none where nothing ever is.
pub fn wait(plan: &Plan, observed: &Observed, now: Timestamp) -> Option<SignedDuration> {
    let moments = plan.secrets.iter().filter_map(|secret| {
        let Recipe::SigningKeys(rule) = &secret.recipe else { return None };
        next(&observed.secrets.get(&secret.name)?.keys, rule)
    });
    moments.min().map(|at| at.duration_since(now).max(SignedDuration::ZERO))
}

/// When something is to be done about these keys next.
fn next(keys: &[Timestamp], rule: &Rule) -> Option<Timestamp> {
    let newest = *keys.iter().max()?;
    let retired_at = (keys.len() > 1).then(|| newest.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX));
    retired_at.into_iter().chain([successor_at(newest, rule)]).min()
}

/// When the successor is due of what was made at this moment.
pub(super) fn successor_at(newest: Timestamp, rule: &Rule) -> Timestamp {
    let old = rule.after.and_then(|after| newest.checked_add(after).ok()).unwrap_or(Timestamp::MAX);
    // names of files know no fractions of a second
    let requested = rule.requested_at.filter(|at| at.as_second() > newest.as_second());
    requested.map_or(old, |at| at.min(old))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn rule(days: i64, requested: Option<i64>) -> Rule {
        Rule { after: Some(SignedDuration::from_secs(days * DAY)), requested_at: requested.map(at) }
    }

    #[test]
    fn a_key_is_named_after_its_time_and_others_are_left_alone() {
        let made_at: Timestamp = "2026-11-20T09:30:00Z".parse().unwrap();
        assert_eq!(file(made_at), "20261120093000.pem");
        assert_eq!(made("20261120093000.pem"), Some(made_at));
        for other in ["mine.pem", "20261120093000", "20261320093000.pem", "20261120093000.pem.old"] {
            assert_eq!(made(other), None, "{other}");
        }
    }

    #[test]
    fn a_successor_comes_by_age_or_when_it_is_asked_for() {
        let successor = |requested, now| due(&[at(0)], &rule(90, requested), at(now)).successor;
        assert!(!successor(None, 90 * DAY - 1));
        assert!(successor(None, 90 * DAY));
        assert!(successor(Some(50), 50));
        assert!(!successor(Some(50), 49), "a moment to come is waited for");
        assert!(!successor(Some(0), 50), "made when it was asked for");
        let later = Rule { requested_at: Some(at(0) + SignedDuration::from_millis(900)), ..rule(90, None) };
        assert!(!due(&[at(0)], &later, at(50)).successor, "made in the same second");
        assert_eq!(due(&[], &rule(1, None), at(0)), Due::default(), "there is none that it could follow");
    }

    #[test]
    fn old_keys_go_when_the_newest_has_signed_for_longer_than_a_token_lives() {
        let keys = [at(0), at(DAY), at(2 * DAY)];
        let retired = |now| due(&keys, &rule(90, None), at(now)).retired;
        assert!(retired(2 * DAY + 7199).is_empty());
        assert_eq!(retired(2 * DAY + 7200), [file(at(0)), file(at(DAY))]);
    }

    proptest! {
        /// Days and weeks of looks at whatever moments: there always is a key that was there two hours ago, if there was one,
        /// no key is older than it may be after a look, and never are there more than asked-for successors explain.
        #[test]
        fn no_token_is_ever_without_its_key(
            looks in prop::collection::vec(1_i64..200_000, 1..60),
            requests in prop::collection::vec(0_i64..4_000_000, 0..4),
            days in 1_i64..20,
        ) {
            let (mut keys, mut now) = (vec![at(0)], 0);
            for pause in looks {
                now += pause;
                let requested = requests.iter().copied().filter(|at| *at <= now).max();
                let rule = rule(days, requested);
                let due = due(&keys, &rule, at(now));
                let signs: Vec<_> = keys.iter().filter(|key| at(now).duration_since(**key) >= OVERLAP).max().into_iter().collect();
                for kept in &signs {
                    prop_assert!(!due.retired.contains(&file(**kept)), "{kept} signs");
                }
                keys.retain(|key| !due.retired.contains(&file(*key)));
                prop_assert!(!keys.is_empty());
                if due.successor {
                    keys.push(at(now));
                }
                prop_assert!(next(&keys, &rule).is_some_and(|next| next > at(now)), "something is left to do");
            }
        }
    }
}
