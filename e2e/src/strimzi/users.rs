//! What Strimzi's user operator does: a `KafkaUser` becomes a log-in with its Secret, and ACLs; both go with it.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
};
use rand::distr::{Alphanumeric, SampleString};
use serde_json::{Value, json};

use super::{
    AT_ONCE,
    acls::{self, Acls},
    broker::Broker,
    report::{self, Refusal},
};

const CONFIGS: &str = "kafka.admin.ConfigCommand";
const ACLS: &str = "org.apache.kafka.tools.AclCommand";
const MECHANISM: &str = "SCRAM-SHA-512";

/// What a user is for Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    password: Option<String>,
    acls: Acls,
}

/// What Kafka was told about each user; nobody else tells it.
pub(super) type Told = BTreeMap<String, User>;

/// Does what is left to be done for all users, and reports it.
pub(super) async fn pass(
    client: &Client,
    objects: &Api<DynamicObject>,
    broker: &Broker,
    told: &mut Told,
) -> Result<(), String> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &broker.namespace);
    let listed = objects.list(&ListParams::default().labels(&broker.selector())).await;
    let all = listed.map_err(|error| error.to_string())?.items;
    let mut work = Vec::new();
    for object in &all {
        let asked = asked_for(&secrets, object).await;
        let as_told = asked.as_ref().is_ok_and(|asked| told.get(&object.name_any()) == Some(asked));
        if !(as_told && report::is_settled(object)) {
            work.push((object.name_any(), Some(object.clone()), asked));
        }
    }
    for name in told.keys().filter(|name| all.iter().all(|object| object.name_any() != **name)) {
        work.push((name.clone(), None, Ok(User::default())));
    }
    let present = &*told;
    let done: Vec<_> = stream::iter(work)
        .map(async |(name, object, asked)| {
            let outcome = match asked {
                Ok(asked) => {
                    let before = present.get(&name).cloned().unwrap_or_default();
                    tell(broker, &name, &before, &asked).await.map(|()| asked)
                }
                Err(refusal) => Err(refusal),
            };
            (name, object, outcome)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    for (name, object, outcome) in done {
        let Some(object) = object else {
            // who couldn't be removed is tried again
            if outcome.is_ok() {
                told.remove(&name);
            }
            continue;
        };
        let status = match outcome {
            Ok(user) => {
                let secret = user.password.as_ref().map(|_| &name);
                let status = report::ready(json!({"username": name, "secret": secret}));
                told.insert(name, user);
                status
            }
            Err(refusal) => report::refused(json!({"username": name}), ("NotReady", "True"), &refusal),
        };
        report::report(objects, &object, &status).await;
    }
    Ok(())
}

/// What an object asks for, with its Secret written.
async fn asked_for(secrets: &Api<Secret>, object: &DynamicObject) -> Result<User, Refusal> {
    let spec = &object.data["spec"];
    if spec.get("quotas").is_some() {
        return Err(Refusal::not_supported("This stand-in for Strimzi knows no quotas: leave them out."));
    }
    let password = match spec.pointer("/authentication/type").and_then(Value::as_str) {
        None => None,
        Some("scram-sha-512") => Some(password(secrets, object).await?),
        Some(other) => {
            let message =
                format!("This stand-in for Strimzi knows no users with {other}: take scram-sha-512.");
            return Err(Refusal::not_supported(message));
        }
    };
    Ok(User { password, acls: acls::asked_for(spec) })
}

/// The user's password, from the Secret that the object names or made once, as it stands in the Secret called after the user.
async fn password(secrets: &Api<Secret>, object: &DynamicObject) -> Result<String, Refusal> {
    let user = object.name_any();
    let read = async |name: &str, key: &str| {
        let secret = secrets.get_opt(name).await.map_err(|error| Refusal::of_kubernetes(&error))?;
        let value = secret.and_then(|secret| secret.data?.remove(key));
        Ok(value.and_then(|value| String::from_utf8(value.0).ok()).filter(|value| !value.is_empty()))
    };
    let own = object.data.pointer("/spec/authentication/password/valueFrom/secretKeyRef");
    let present = read(&user, "password").await?;
    let password = match own {
        None => present.clone().unwrap_or_else(|| Alphanumeric.sample_string(&mut rand::rng(), 32)),
        Some(reference) => {
            let part = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
            let (name, key) = (part("name"), part("key"));
            read(name, key).await?.ok_or_else(|| Refusal {
                reason: "InvalidResourceException",
                message: format!("Secret {name} has no password under the key {key}: put it there."),
            })?
        }
    };
    if present.as_ref() != Some(&password) {
        let login = format!(
            "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{user}\" password=\"{password}\";"
        );
        let owner = json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaUser", "name": user, "uid": object.metadata.uid
        });
        let mut labels = object.labels().clone();
        labels.insert("strimzi.io/kind".to_owned(), "KafkaUser".to_owned());
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": user, "labels": labels, "ownerReferences": [owner]},
            "stringData": {"password": password, "sasl.jaas.config": login}
        });
        let parameters = PatchParams::apply("strimzi-user-operator").force();
        let written = secrets.patch(&user, &parameters, &Patch::Apply(&secret)).await;
        written.map_err(|error| Refusal::of_kubernetes(&error))?;
    }
    Ok(password)
}

/// Tells Kafka what has changed about a user.
async fn tell(broker: &Broker, name: &str, before: &User, asked: &User) -> Result<(), Refusal> {
    let run = async |class: &str, arguments: &[&str], input: &str| {
        broker.tool(class, arguments, input).await.map(drop).map_err(Refusal::of_kafka)
    };
    if before.password != asked.password {
        let mut arguments = vec!["--alter", "--entity-type", "users", "--entity-name", name];
        let mut input = String::new();
        match &asked.password {
            Some(password) => {
                // not as an argument: every process of the node would see it
                arguments.extend(["--add-config-file", "/dev/stdin"]);
                input = format!("{MECHANISM}=iterations=4096,password={}\n", escaped(password));
            }
            None => arguments.extend(["--delete-config", MECHANISM]),
        }
        run(CONFIGS, &arguments, &input).await?;
    }
    let gone = acls::commands("--remove", name, before.acls.difference(&asked.acls));
    let new = acls::commands("--add", name, asked.acls.difference(&before.acls));
    for command in gone.iter().chain(&new) {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        run(ACLS, &words, "").await?;
    }
    Ok(())
}

/// A text as a value of a properties file.
fn escaped(text: &str) -> String {
    let letter = |unit: u16| match u8::try_from(unit).map(char::from) {
        Ok(plain) if plain.is_ascii_alphanumeric() => plain.to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(letter).collect()
}
