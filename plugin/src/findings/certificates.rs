//! When certificates end: those that the spec names Secrets with, and those that the stack makes itself.

use jiff::{SignedDuration, Timestamp};
use tracklore_operator::stack::{
    certificates::{self, Certificate},
    given::GivenSecret,
    plan::{GeneratedSecret, Recipe},
};

use super::{Finding, secrets::Seen};
use crate::terminal::ago;

/// What others renew in time is renewed by then; the alert says the same.
const SOON: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How long the operator may take to renew what is due.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// Goes through the certificates of `asked` Secrets, and through the stack's `own`: these are missed once it is `settled`.
pub fn look(
    asked: &[GivenSecret],
    own: &[GeneratedSecret],
    seen: &Seen,
    settled: bool,
    now: Timestamp,
) -> Vec<Finding> {
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
    let own = own.iter().filter(|secret| seen.knows(&secret.name));
    let own: Vec<_> = own.map(|secret| (secret, seen.own.get(&secret.name))).collect();
    let lacking = own.iter().filter_map(|(GeneratedSecret { name, recipe, .. }, certificate)| match certificate {
        Some(certificate) => is_overdue(recipe, certificate, now).then(|| {
            format!(
                "the certificate in Secret {name} {} and should have been renewed by now; see whether the operator runs, and whether the stack is paused",
                when(certificate.ends, now)
            )
        }),
        None if seen.there.contains_key(name) => Some(format!(
            "Secret {name} holds no certificate that can be used; the operator makes one within an hour and a half, unless the stack is paused"
        )),
        None => settled.then(|| {
            format!(
                "Secret {name} with a certificate of the stack isn't there; see whether the operator runs, and whether the stack is paused"
            )
        }),
    });
    let wrong: Vec<_> = late.chain(lacking).map(Finding::Wrong).collect();
    if !wrong.is_empty() {
        return wrong;
    }
    let made =
        own.iter().filter_map(|(secret, certificate)| Some((certificate.as_ref()?.ends, &secret.name)));
    let all = given.iter().map(|(ends, secret)| (*ends, &secret.name)).chain(made);
    let first = all.min().map(|(ends, name)| {
        Finding::Fine(format!("the first certificate that ends, of Secret {name}, {}", when(ends, now)))
    });
    first.into_iter().collect()
}

/// Whether one was due for long enough, by the operator's own rule for its age. Whether it fits the spec is looked at by the
/// operator alone: that changes within seconds.
fn is_overdue(recipe: &Recipe, certificate: &Certificate, now: Timestamp) -> bool {
    let Ok(then) = now.checked_sub(GRACE) else { return false };
    let recipe = match recipe {
        Recipe::Certificate { requested_at, .. } => {
            let hosts = certificate.hosts.iter().cloned().collect();
            Recipe::Certificate { hosts, requested_at: *requested_at }
        }
        _ => Recipe::Authority { subject: String::new() },
    };
    let signer = Certificate { key: certificate.signer.clone(), ..certificate.clone() };
    certificate.made <= then && certificates::is_due(&recipe, Some(certificate), Some(&signer), then)
}

fn when(ends: Timestamp, now: Timestamp) -> String {
    if ends <= now { format!("ended {} ago", ago(now, ends)) } else { format!("ends in {}", ago(ends, now)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tracklore_operator::stack::{component::Component, given::GivenSeen, plan::Origin};

    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + days * DAY).unwrap()
    }

    fn secret(recipe: Recipe) -> GeneratedSecret {
        let name = "demo-redis-tls".to_owned();
        GeneratedSecret { name, component: None, recipe, origin: Origin::New, replacement: None }
    }

    fn server(requested_at: Option<Timestamp>) -> Recipe {
        Recipe::Certificate { hosts: Vec::new(), requested_at }
    }

    /// One that was made at some moment, for so many days.
    fn certificate(made: i64, days: i64) -> Certificate {
        let (made, ends) = (at(made), at(made + days));
        Certificate { made, ends, hosts: BTreeSet::new(), key: None, signer: None }
    }

    /// One certificate that somebody gives and one of the stack's own, which end after so many days.
    fn told(given: i64, own: Option<i64>) -> Vec<String> {
        let field = "gateway.traefik.tls.secretRef".to_owned();
        let keys = &["tls.crt", "tls.key"];
        let asked = [GivenSecret { name: "web".into(), keys, field, component: Component::Gateway }];
        let certificate = own.map(|days| certificate(days - 365, 365));
        let web = GivenSeen { certificate_ends: Some(at(given)), ..GivenSeen::default() };
        let seen = Seen {
            there: [("web".to_owned(), web), ("demo-redis-tls".to_owned(), GivenSeen::default())].into(),
            own: certificate
                .map(|certificate| ("demo-redis-tls".to_owned(), certificate))
                .into_iter()
                .collect(),
            ..Seen::default()
        };
        let told = look(&asked, &[secret(server(None))], &seen, true, at(0)).into_iter();
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
        assert!(look(&[], &[secret(server(None))], &seen, true, at(0)).is_empty());
    }

    #[test]
    fn what_is_not_there_is_missed_only_once_the_operator_has_made_all() {
        let told = |settled| look(&[], &[secret(server(None))], &Seen::default(), settled, at(0));
        assert!(told(false).is_empty());
        let [Finding::Wrong(sentence)] = &told(true)[..] else { panic!() };
        assert!(sentence.starts_with("Secret demo-redis-tls with a certificate of the stack isn't there"));
    }

    #[test]
    fn a_certificate_is_overdue_a_day_after_the_operator_should_have_renewed_it() {
        // two thirds of a year are 243 days and a third of one
        let of_server = |days| is_overdue(&server(None), &certificate(0, 365), at(days));
        assert!(!of_server(244) && of_server(245));
        let authority = |days| is_overdue(&Recipe::Trust, &certificate(0, 3650), at(days));
        assert!(!authority(300) && !authority(2434) && authority(2435));
        let asked = |days| is_overdue(&server(Some(at(5))), &certificate(0, 365), at(days));
        assert!(!asked(5) && asked(6));
        assert!(!is_overdue(&server(Some(at(5))), &certificate(5, 365), at(5)), "it was just made");
    }
}
