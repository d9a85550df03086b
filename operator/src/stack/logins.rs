//! Logins take turns: while one is replaced, its Secret holds two, each under keys of its own.
//!
//! Pods name the keys of one login, and nothing of a login is ever overwritten. So whichever pod starts while they are replaced
//! finds what it was told of, and the server knows it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::{
    observed::{Observed, SecretSeen},
    plan::{GeneratedSecret, Plan, digest},
    rotation::{Rule, successor_at},
};

/// The key that says when a login was made. The first one of a Secret has none: it is as old as the Secret.
pub const MADE: &str = "made";
/// What a login is made of.
const PARTS: [&str; 3] = ["username", "password", "uri"];

/// Whose turn it is, of the two users that a service has for one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// The user that every stack begins with.
    #[default]
    First,
    /// The other.
    Second,
}

impl Turn {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// What belongs to this login, by the name that it has for the first one: a key of a Secret, or a user.
    pub fn name(self, first: &str) -> String {
        match self {
            Self::First => first.to_owned(),
            Self::Second => format!("{first}-2"),
        }
    }

    /// The same for roles of Postgres, and where no dash can be.
    pub fn role(self, first: &str) -> String {
        match self {
            Self::First => first.to_owned(),
            Self::Second => format!("{first}_2"),
        }
    }

    /// The one that it takes turns with.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A login of a Secret, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Which one.
    pub turn: Turn,
    /// When it was made.
    pub made: Timestamp,
    /// Hash of the content, for rolling pods.
    pub digest: String,
}

/// The logins that a Secret holds; the newest is the last one.
pub fn seen(secret: &Secret) -> Vec<Login> {
    let data = secret.data.as_ref();
    let value = |key: String| data?.get(&key).map(|value: &ByteString| value.0.clone());
    let created = secret.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    let login = |turn: Turn| {
        value(turn.name("password"))?;
        let made = value(turn.name(MADE)).and_then(|made| String::from_utf8(made).ok()?.parse().ok());
        let parts: BTreeMap<_, _> = PARTS
            .iter()
            .filter_map(|part| Some((turn.name(part), ByteString(value(turn.name(part))?))))
            .collect();
        Some(Login { turn, made: made.unwrap_or(created), digest: digest(&parts) })
    };
    let mut logins: Vec<_> = Turn::BOTH.into_iter().filter_map(login).collect();
    logins.sort_by_key(|login| login.made);
    logins
}

/// The keys of a login.
pub fn keys(turn: Turn) -> impl Iterator<Item = String> {
    PARTS.into_iter().chain([MADE]).map(move |part| turn.name(part))
}

/// When a login is replaced, and how far that may go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// When it is due.
    pub rule: Rule,
    /// The user that takes turns with the one of the recipe.
    pub second: String,
    /// Whether nothing else is under way that another login would disturb.
    pub may_begin: bool,
    /// Whether nothing uses the older login any more.
    pub may_end: bool,
}

/// The next step of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Another login comes.
    Successor(Turn),
    /// The older one goes.
    Retired(Turn),
}

/// What is to be done about the logins of a Secret now.
pub fn due(logins: &[Login], replacement: &Replacement, now: Timestamp) -> Option<Due> {
    match logins {
        [only] => {
            let due = replacement.may_begin && successor_at(only.made, &replacement.rule) <= now;
            due.then(|| Due::Successor(only.turn.other()))
        }
        [older, _] => replacement.may_end.then_some(Due::Retired(older.turn)),
        _ => None,
    }
}

/// How long until the next login of a stack is due; none where it waits for something else.
pub fn wait(plan: &Plan, observed: &Observed, now: Timestamp) -> Option<SignedDuration> {
    let replaceable = plan.secrets.iter().filter_map(|secret| Some((secret, secret.replacement.as_ref()?)));
    let moments =
        replaceable.filter(|(_, replacement)| replacement.may_begin).filter_map(|(secret, replacement)| {
            match observed.secrets.get(&secret.name)?.logins.as_slice() {
                [only] => Some(successor_at(only.made, &replacement.rule)),
                _ => None,
            }
        });
    moments.min().map(|at| at.duration_since(now).max(SignedDuration::ZERO))
}

/// Whether logins are being replaced.
pub fn are_replaced(secrets: &[GeneratedSecret], observed: &Observed) -> bool {
    let mut replaceable = secrets.iter().filter(|secret| secret.replacement.is_some());
    replaceable.any(|secret| observed.secrets.get(&secret.name).is_some_and(SecretSeen::has_two_logins))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn secret(data: &serde_json::Value) -> Secret {
        let metadata = json!({"name": "login", "creationTimestamp": at(0).to_string()});
        serde_json::from_value(json!({"metadata": metadata, "data": data})).unwrap()
    }

    fn login(turn: Turn, made: i64) -> Login {
        Login { turn, made: at(made), digest: String::new() }
    }

    #[test]
    fn a_login_from_before_there_were_turns_is_as_old_as_its_secret_and_pods_keep_its_hash() {
        let whole = secret(&json!({"username": "YQ==", "password": "Yg==", "uri": "Yw=="}));
        let seen = seen(&whole);
        assert_eq!(seen, [Login { turn: Turn::First, made: at(0), digest: digest(&whole.data) }]);
    }

    #[test]
    fn the_newest_login_is_the_last_one_and_has_a_hash_of_its_own() {
        let made =
            |second: i64| serde_json::to_value(ByteString(at(second).to_string().into_bytes())).unwrap();
        let both = |first: i64| {
            json!({
                "password": "YQ==", "made": made(first),
                "password-2": "Yg==", "username-2": "Yg==", "made-2": made(50),
            })
        };
        let turns =
            |data| seen(&secret(&data)).iter().map(|login| (login.turn, login.made)).collect::<Vec<_>>();
        assert_eq!(turns(both(10)), [(Turn::First, at(10)), (Turn::Second, at(50))]);
        assert_eq!(turns(both(90)), [(Turn::Second, at(50)), (Turn::First, at(90))]);
        assert_eq!(turns(json!({"cluster-id": "YQ=="})), []);

        let alone = secret(&json!({"password-2": "Yg==", "username-2": "Yg==", "made-2": made(50)}));
        assert_eq!(seen(&secret(&both(10))).pop(), seen(&alone).pop(), "whatever stands beside it");
    }

    #[test]
    fn a_login_is_replaced_in_two_steps_each_when_it_may_be() {
        let requested = |second: i64| Rule { after: None, requested_at: Some(at(second)) };
        let due = |logins: &[Login], rule: Rule, may_begin: bool, may_end: bool| {
            due(logins, &Replacement { rule, second: "b".into(), may_begin, may_end }, at(100))
        };
        let one = [login(Turn::First, 0)];
        assert_eq!(due(&one, requested(90), true, false), Some(Due::Successor(Turn::Second)));
        assert_eq!(due(&one, requested(90), false, true), None, "something else is under way");
        assert_eq!(due(&one, requested(110), true, true), None, "a moment to come is waited for");
        assert_eq!(due(&one, Rule { after: None, requested_at: None }, true, true), None);
        let old = Rule { after: Some(SignedDuration::from_secs(100)), requested_at: None };
        assert_eq!(due(&one, old, true, true), Some(Due::Successor(Turn::Second)));
        assert_eq!(due(&[login(Turn::Second, 95)], requested(90), true, true), None, "it is new enough");
        assert_eq!(
            due(&[login(Turn::Second, 85)], requested(90), true, true),
            Some(Due::Successor(Turn::First))
        );

        let both = [login(Turn::Second, 10), login(Turn::First, 95)];
        assert_eq!(due(&both, requested(99), true, false), None, "the older one is in use");
        assert_eq!(due(&both, requested(99), false, true), Some(Due::Retired(Turn::Second)));
        assert_eq!(due(&[], requested(90), true, true), None);
    }
}
