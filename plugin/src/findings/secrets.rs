//! Whether the Secrets are there that the spec names, with the keys that they should have. What they hold is never told, nor
//! kept: of each, only the names of its keys and the end of its certificate are.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tracklore_operator::stack::{
    build,
    certificates::{self, Certificate},
    component::Component,
    given::{self, GivenSecret, GivenSeen},
    observed::Observed,
    plan::GeneratedSecret,
    validate::ValidStack,
};

use super::{Finding, certificates as ends, conditions};
use crate::target::Target;

/// How many are read at a time.
const AT_ONCE: usize = 8;

/// What was seen of the Secrets.
#[derive(Default)]
pub struct Seen {
    /// The keys of each that is there, and when the server's certificate in it ends.
    pub there: BTreeMap<String, GivenSeen>,
    /// The certificates that the stack makes itself, where they can be used.
    pub own: BTreeMap<String, Certificate>,
    /// Those that may not be read.
    pub refused: Vec<String>,
    /// Those that couldn't be read, and why.
    pub failed: BTreeMap<String, String>,
}

impl Seen {
    /// Whether a Secret was looked for, be it there or not.
    pub fn knows(&self, name: &String) -> bool {
        !self.refused.contains(name) && !self.failed.contains_key(name)
    }
}

/// Looks at those that the spec names, and at the stack's certificates.
pub async fn look(target: &Target, stack: &ValidStack) -> Vec<Finding> {
    let (asked, own) = (asked(stack), own(stack));
    let names = asked.iter().map(|secret| &secret.name).chain(own.iter().map(|secret| &secret.name));
    let mut names: Vec<_> = names.cloned().collect();
    names.sort();
    names.dedup();
    let seen = read(&target.api(), names).await;
    let mut found = there(&asked, &seen);
    let settled = conditions::is_settled(&target.stack);
    found.extend(ends::look(&asked, &own, &seen, settled, Timestamp::now()));
    found.extend(refused(&seen.refused, &target.namespace()));
    found.extend(failed(&seen.failed, &target.namespace()));
    found
}

/// What the spec names: what the operator looks for, and what only the cluster needs.
fn asked(stack: &ValidStack) -> Vec<GivenSecret> {
    let mut asked = given::given(stack);
    for name in &stack.pull_secrets {
        let field = "images.pullSecrets".to_owned();
        let keys = &[".dockerconfigjson"];
        asked.push(GivenSecret { name: name.clone(), keys, field, component: Component::Gateway });
    }
    if let Some(name) = stack.ingress.as_ref().and_then(|ingress| ingress.tls_secret_name.clone()) {
        let field = "gateway.ingress.tlsSecretName".to_owned();
        let keys = &[certificates::SERVER, certificates::SERVER_KEY];
        asked.push(GivenSecret { name, keys, field, component: Component::Gateway });
    }
    asked
}

/// The Secrets with certificates that the stack makes itself. That with the authority's key isn't looked at.
fn own(stack: &ValidStack) -> Vec<GeneratedSecret> {
    let all = build::plan(stack, &Observed::default(), &[]).secrets;
    all.into_iter().filter(|secret| secret.recipe.is_signed()).collect()
}

async fn read(secrets: &Api<Secret>, names: Vec<String>) -> Seen {
    let read = stream::iter(names).map(async |name| {
        let secret = secrets.get_opt(&name).await;
        (name, secret.map(|secret| secret.map(|it| (given::seen(&it), certificates::seen(&it)))))
    });
    let mut seen = Seen::default();
    for (name, secret) in read.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match secret {
            Err(kube::Error::Api(status)) if status.code == 403 => seen.refused.push(name),
            Err(error) => drop(seen.failed.insert(name, error.to_string())),
            Ok(None) => {}
            Ok(Some((there, certificate))) => {
                seen.own.extend(certificate.map(|certificate| (name.clone(), certificate)));
                seen.there.insert(name, there);
            }
        }
    }
    seen
}

fn there(asked: &[GivenSecret], seen: &Seen) -> Vec<Finding> {
    let readable = asked.iter().filter(|secret| seen.knows(&secret.name));
    let readable: Vec<_> = readable.collect();
    let wrong = readable.iter().filter_map(|secret| secret.lack(&seen.there));
    let wrong: Vec<_> = wrong.map(Finding::Wrong).collect();
    if wrong.is_empty() && !readable.is_empty() {
        return vec![Finding::Fine("the Secrets that the spec names are there with their keys".to_owned())];
    }
    wrong
}

fn refused(names: &[String], namespace: &str) -> Option<Finding> {
    let secrets = several(names.first()?, names.len());
    Some(Finding::Unknown(format!(
        "you may not read {secrets} in {namespace}, so neither their keys nor when certificates end is checked; let somebody run this who may get them"
    )))
}

fn failed(failed: &BTreeMap<String, String>, namespace: &str) -> Option<Finding> {
    let (first, why) = failed.first_key_value()?;
    let secrets = several(first, failed.len());
    Some(Finding::Unknown(format!(
        "{secrets} in {namespace} can't be read, so neither their keys nor when certificates end is checked: {why}"
    )))
}

fn several(first: &str, count: usize) -> String {
    if count == 1 { format!("Secret {first}") } else { format!("{count} Secrets, {first} among them,") }
}

#[cfg(test)]
mod tests {
    use tracklore_operator::stack::validate;

    use super::*;
    use crate::file;

    fn asked_by(example: &str) -> Vec<GivenSecret> {
        asked(&validate::validate(&file::parse(example, None, "default").unwrap()).unwrap())
    }

    fn seen(secrets: &[(&str, &[&str])]) -> Seen {
        let there = secrets.iter().map(|(name, keys)| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            ((*name).to_owned(), GivenSeen { keys, ..GivenSeen::default() })
        });
        Seen { there: there.collect(), ..Seen::default() }
    }

    #[test]
    fn a_secret_without_its_key_is_named_by_its_field() {
        let stack = "
            apiVersion: tracklore.io/v1alpha1
            kind: TrackloreStack
            metadata: {name: demo}
            spec:
              version: 0.1.0
              publicUrl: http://localhost
              postgres: {managed: {}}
              kafka: {managed: {}}
              redis: {managed: {}}
              images: {pullSecrets: [{name: registry}]}
              auth: {emailVerification: Optional, firstAdministrator: {name: root}}
              gateway: {ingress: {tlsSecretName: web}}";
        let asked = asked_by(stack);
        let web: (&str, &[&str]) = ("web", &["tls.crt", "tls.key"]);
        let told = there(&asked, &seen(&[("root", &["username", "email"]), web]));
        assert_eq!(
            told,
            [
                Finding::Wrong(
                    "Secret root of auth.firstAdministrator lacks password; add what is missing".into()
                ),
                Finding::Wrong(
                    "images.pullSecrets names Secret registry, which isn't there; make it with the keys .dockerconfigjson"
                        .into()
                ),
            ]
        );
        let all =
            seen(&[("root", &["username", "email", "password"]), ("registry", &[".dockerconfigjson"]), web]);
        assert!(matches!(&there(&asked, &all)[..], [Finding::Fine(_)]));
    }

    #[test]
    fn the_stacks_own_certificates_are_looked_at_and_the_key_that_signs_them_is_not() {
        let minimal = file::parse(include_str!("../../../examples/minimal.yaml"), None, "default").unwrap();
        let valid = validate::validate(&minimal).unwrap();
        let own = own(&valid);
        let names: Vec<_> = own.into_iter().map(|secret| secret.name).collect();
        assert!(names.iter().filter(|name| name.ends_with("-tls")).count() >= 7, "{names:?}");
        assert!(!names.contains(&build::authority_secret(&valid.names)), "{names:?}");
    }

    #[test]
    fn what_may_not_be_read_is_neither_missing_nor_there() {
        let asked = asked_by(include_str!("../../../examples/external.yaml"));
        let names: Vec<_> = asked.iter().map(|secret| secret.name.clone()).collect();
        assert!(names.len() > 3, "{names:?}");
        let seen = Seen { refused: names.clone(), ..Seen::default() };
        assert!(there(&asked, &seen).is_empty());
        let Some(Finding::Unknown(sentence)) = refused(&names, "demo") else { panic!() };
        assert!(sentence.contains(&format!("{} Secrets, {}", names.len(), names[0])), "{sentence}");

        let broken = [("a".to_owned(), "a timeout".to_owned())].into();
        let seen = Seen { failed: broken, ..Seen::default() };
        assert!(!seen.knows(&"a".to_owned()) && seen.knows(&"b".to_owned()));
        let Some(Finding::Unknown(sentence)) = failed(&seen.failed, "demo") else { panic!() };
        assert!(sentence.starts_with("Secret a in demo can't be read") && sentence.ends_with(": a timeout"));
    }
}
