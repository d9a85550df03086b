//! What Strimzi's topic operator does: a `KafkaTopic` becomes a topic of Kafka, and goes with it.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    AT_ONCE,
    broker::Broker,
    report::{self, Refusal},
};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const CONFIGS: &str = "kafka.admin.ConfigCommand";
const FINALIZER: &str = "strimzi.io/topic-operator";

/// A topic that is there.
struct Present {
    id: String,
    partitions: u64,
    replicas: u64,
    config: BTreeMap<String, String>,
}

/// Does what is left to be done for all topics, and reports it.
pub(super) async fn pass(objects: &Api<DynamicObject>, broker: &Broker) -> Result<(), String> {
    let listed = objects.list(&ListParams::default().labels(&broker.selector())).await;
    let all = listed.map_err(|error| error.to_string())?.items;
    let work: Vec<_> = all
        .iter()
        .filter(|topic| match topic.metadata.deletion_timestamp {
            Some(_) => topic.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
            None => !report::is_settled(topic),
        })
        .cloned()
        .collect();
    if work.is_empty() {
        return Ok(());
    }
    let before = describe(broker).await?;
    let done: Vec<_> = stream::iter(work)
        .map(async |topic| {
            let outcome = reconcile(objects, broker, &topic, &all, &before).await;
            (topic, outcome)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let changed = done.iter().any(|(_, outcome)| outcome.is_ok());
    let after = if changed { describe(broker).await? } else { before };
    for (topic, outcome) in done {
        let name = name(&topic);
        let id = after.get(&name).map(|topic| &topic.id);
        let status = match outcome {
            Ok(()) => report::ready(json!({"topicName": name, "topicId": id})),
            Err(refusal) => {
                let known = topic.data.pointer("/status/topicName").cloned().unwrap_or_else(|| json!(name));
                report::refused(json!({"topicName": known}), ("Ready", "False"), &refusal)
            }
        };
        report::report(objects, &topic, &status).await;
    }
    Ok(())
}

/// Its name in Kafka.
fn name(topic: &DynamicObject) -> String {
    let own = topic.data.pointer("/spec/topicName").and_then(Value::as_str);
    own.map_or_else(|| topic.name_any(), ToOwned::to_owned)
}

async fn reconcile(
    objects: &Api<DynamicObject>,
    broker: &Broker,
    topic: &DynamicObject,
    all: &[DynamicObject],
    before: &BTreeMap<String, Present>,
) -> Result<(), Refusal> {
    let name = name(topic);
    let known = topic.data.pointer("/status/topicName").and_then(Value::as_str);
    if known.is_some_and(|known| known != name) {
        return Err(Refusal::not_supported("A topic keeps its name: set spec.topicName back."));
    }
    // of several objects for one topic the oldest has it
    let older = |other: &&DynamicObject| {
        let age = |topic: &DynamicObject| (topic.creation_timestamp(), topic.name_any());
        self::name(other) == name && age(other) < age(topic)
    };
    if let Some(other) = all.iter().find(older) {
        let message = format!("KafkaTopic {} has this topic already.", other.name_any());
        return Err(Refusal { reason: "ResourceConflict", message });
    }
    let run = async |class: &str, arguments: &[&str]| {
        broker.tool(class, arguments, "").await.map_err(Refusal::of_kafka)
    };
    if topic.metadata.deletion_timestamp.is_some() {
        run(TOPICS, &["--delete", "--if-exists", "--topic", &name]).await?;
        return set_finalizer(objects, topic, false).await;
    }
    set_finalizer(objects, topic, true).await?;

    let asked = |field: &str| topic.data.pointer("/spec")?.get(field)?.as_u64();
    let (partitions, replicas) = (asked("partitions"), asked("replicas"));
    let config = config(topic)?;
    let partitions_text = partitions.map(|partitions| partitions.to_string()).unwrap_or_default();
    let Some(present) = before.get(&name) else {
        let replicas_text = replicas.map(|replicas| replicas.to_string()).unwrap_or_default();
        let settings: Vec<_> = config.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut arguments = vec!["--create", "--topic", &name];
        if partitions.is_some() {
            arguments.extend(["--partitions", &partitions_text]);
        }
        if replicas.is_some() {
            arguments.extend(["--replication-factor", &replicas_text]);
        }
        arguments.extend(settings.iter().flat_map(|setting| ["--config", setting]));
        run(TOPICS, &arguments).await?;
        return Ok(());
    };
    if config != present.config {
        change(broker, &name, &present.config, &config).await?;
    }
    match partitions {
        Some(asked) if asked < present.partitions => {
            let message =
                format!("A topic can't lose partitions: it has {}, ask for as many.", present.partitions);
            return Err(Refusal::not_supported(message));
        }
        Some(asked) if asked > present.partitions => {
            run(TOPICS, &["--alter", "--topic", &name, "--partitions", &partitions_text]).await?;
        }
        _ => {}
    }
    if replicas.is_some_and(|asked| asked != present.replicas) {
        let message = format!("A topic keeps its replicas: it has {}, ask for as many.", present.replicas);
        return Err(Refusal::not_supported(message));
    }
    Ok(())
}

/// Makes the settings of a topic those that are asked for, and no others.
async fn change(
    broker: &Broker,
    name: &str,
    present: &BTreeMap<String, String>,
    asked: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let set: Vec<_> = asked
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(*value))
        .map(|(key, value)| format!("{key}=[{value}]"))
        .collect();
    let gone: Vec<_> = present.keys().filter(|key| !asked.contains_key(*key)).cloned().collect();
    let (set, gone) = (set.join(","), gone.join(","));
    let mut arguments = vec!["--alter", "--entity-type", "topics", "--entity-name", name];
    for (flag, value) in [("--add-config", &set), ("--delete-config", &gone)] {
        if !value.is_empty() {
            arguments.extend([flag, value]);
        }
    }
    broker.tool(CONFIGS, &arguments, "").await.map(drop).map_err(Refusal::of_kafka)
}

/// The settings that a topic asks for, in Kafka's form.
fn config(topic: &DynamicObject) -> Result<BTreeMap<String, String>, Refusal> {
    let asked = topic.data.pointer("/spec/config").and_then(Value::as_object);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let setting = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Array(values) => {
                values.iter().map(text).collect::<Option<Vec<_>>>().map(|all| all.join(","))
            }
            one => text(one),
        };
        let wrong = || Refusal {
            reason: "InvalidRequest",
            message: format!(
                "spec.config.{key} is no text, number, truth value or list of those: make it one."
            ),
        };
        Ok((key.clone(), value.ok_or_else(wrong)?))
    };
    asked.into_iter().flatten().map(setting).collect()
}

/// All topics that are there.
async fn describe(broker: &Broker) -> Result<BTreeMap<String, Present>, String> {
    let text = broker.tool(TOPICS, &["--describe", "--exclude-internal"], "").await?;
    Ok(text.lines().filter_map(read).collect())
}

/// A line about a topic; those about single partitions carry no id.
fn read(line: &str) -> Option<(String, Present)> {
    let fields: BTreeMap<_, _> = line.split('\t').filter_map(|field| field.split_once(": ")).collect();
    let mut config: BTreeMap<String, String> = BTreeMap::new();
    let mut last = None;
    for part in fields.get("Configs").into_iter().flat_map(|settings| settings.split(',')) {
        if let Some((key, value)) = part.split_once('=') {
            config.insert(key.to_owned(), value.to_owned());
            last = Some(key);
        } else if let Some(value) = last.and_then(|key| config.get_mut(key)) {
            // a list is one value with commas
            value.push(',');
            value.push_str(part);
        }
    }
    let present = Present {
        id: (*fields.get("TopicId")?).to_owned(),
        partitions: fields.get("PartitionCount")?.parse().ok()?,
        replicas: fields.get("ReplicationFactor")?.parse().ok()?,
        config,
    };
    Some(((*fields.get("Topic")?).to_owned(), present))
}

/// Keeps the object until its topic is gone, or lets it go.
async fn set_finalizer(
    objects: &Api<DynamicObject>,
    topic: &DynamicObject,
    wanted: bool,
) -> Result<(), Refusal> {
    let mut finalizers: Vec<_> = topic.finalizers().to_vec();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) == wanted {
        return Ok(());
    }
    if wanted {
        finalizers.push(FINALIZER.to_owned());
    } else {
        finalizers.retain(|finalizer| finalizer != FINALIZER);
    }
    let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let patched = objects.patch(&topic.name_any(), &PatchParams::default(), &patch).await;
    patched.map(drop).map_err(|error| Refusal::of_kubernetes(&error))
}
