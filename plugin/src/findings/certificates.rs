//! When certificates end: those that the spec names Secrets with, and those that the stack makes itself.

use jiff::{SignedDuration, Timestamp};
use tracklore_operator::stack::given::GivenSecret;

use super::{Finding, secrets::Seen};
use crate::terminal::ago;

/// What others renew in time is renewed by then; the alert says the same.
const SOON: SignedDuration = SignedDuration::from_hours(2 * 24);
/// The operator renews a certificate when a third of its life is left: of a year, four months.
const OVERDUE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Goes through the certificates of `asked` Secrets, and through the stack's `own`.
pub fn look(asked: &[GivenSecret], own: &[String], seen: &Seen, now: Timestamp) -> Vec<Finding> {
    let given = asked.iter().filter_map(|secret| {
        let ends = seen.there.get(&secret.name)?.certificate_ends?;
        Some((ends, secret))
    });
    let given: Vec<_> = given.collect();
    let late = given.iter().filter(|(ends, _)| ends.duration_since(now) < SOON);
    let late = late.map(|(ends, secret)| {
        let GivenSecret { name, field, .. } = secret;
        format!(
            "the certificate in Secret {name} of {field} {}; put another one in, or see why whoever renews it didn't",
            when(*ends, now)
        )
    });
    let made = own.iter().filter(|name| !seen.refused.contains(name));
    let made: Vec<_> = made.map(|name| (name, seen.own.get(name))).collect();
    let broken = made.iter().filter_map(|(name, certificate)| {
        let Some(certificate) = certificate else {
            return Some(format!(
                "Secret {name} holds no certificate that can be used; the operator makes one within an hour and a half, unless the stack is paused"
            ));
        };
        (certificate.ends.duration_since(now) < OVERDUE).then(|| {
            format!(
                "the certificate in Secret {name} {} and should have been renewed long ago; see whether the operator runs, and whether the stack is paused",
                when(certificate.ends, now)
            )
        })
    });
    let wrong: Vec<_> = late.chain(broken).map(Finding::Wrong).collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let made = made.iter().filter_map(|(name, certificate)| Some((certificate.as_ref()?.ends, *name)));
    let all = given.iter().map(|(ends, secret)| (*ends, &secret.name)).chain(made);
    let first = all.min().map(|(ends, name)| {
        Finding::Fine(format!("the first certificate that ends, of Secret {name}, {}", when(ends, now)))
    });
    first.into_iter().collect()
}

fn when(ends: Timestamp, now: Timestamp) -> String {
    if ends <= now { format!("ended {} ago", ago(now, ends)) } else { format!("ends in {}", ago(ends, now)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tracklore_operator::stack::{certificates::Certificate, component::Component, given::GivenSeen};

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + days * DAY).unwrap()
    }

    /// One certificate that somebody gives and one of the stack's own, which end after so many days.
    fn told(given: i64, own: Option<i64>) -> Vec<String> {
        let field = "gateway.traefik.tls.secretRef".to_owned();
        let keys = &["tls.crt", "tls.key"];
        let asked = [GivenSecret { name: "web".into(), keys, field, component: Component::Gateway }];
        let certificate = own.map(|days| {
            let hosts = BTreeSet::new();
            Certificate { made: at(0), ends: at(days), hosts, key: None, signer: None }
        });
        let web = GivenSeen { certificate_ends: Some(at(given)), ..GivenSeen::default() };
        let seen = Seen {
            there: [("web".to_owned(), web)].into(),
            own: certificate
                .map(|certificate| ("demo-redis-tls".to_owned(), certificate))
                .into_iter()
                .collect(),
            refused: Vec::new(),
        };
        let told = look(&asked, &["demo-redis-tls".to_owned()], &seen, at(0)).into_iter();
        told.map(|finding| format!("{finding:?}")).collect()
    }

    #[test]
    fn the_first_end_is_told_while_all_is_well() {
        let first = |name: &str, end: &str| {
            vec![format!("Fine(\"the first certificate that ends, of Secret {name}, ends in {end}\")")]
        };
        assert_eq!(told(30, Some(300)), first("web", "30d"));
        assert_eq!(told(500, Some(300)), first("demo-redis-tls", "300d"));
    }

    #[test]
    fn what_ends_soon_has_ended_or_is_not_renewed_is_wrong() {
        let contains = |told: &[String], words: &[&str]| {
            assert_eq!(told.len(), words.len(), "{told:?}");
            for (told, words) in told.iter().zip(words) {
                assert!(told.starts_with("Wrong") && told.contains(words), "{told}");
            }
        };
        contains(
            &told(1, Some(300)),
            &["web of gateway.traefik.tls.secretRef ends in 24h; put another one in"],
        );
        contains(&told(-3, Some(300)), &["ended 3d ago"]);
        contains(&told(30, Some(80)), &["demo-redis-tls ends in 80d and should have been renewed"]);
        contains(&told(-3, None), &["ended 3d ago", "demo-redis-tls holds no certificate that can be used"]);
    }

    #[test]
    fn of_what_may_not_be_read_nothing_is_told() {
        let seen = Seen { refused: vec!["demo-redis-tls".to_owned()], ..Seen::default() };
        assert!(look(&[], &["demo-redis-tls".to_owned()], &seen, at(0)).is_empty());
    }
}
