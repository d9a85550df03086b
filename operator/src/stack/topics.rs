//! The topics of Tracklore: who writes them, who reads them, how long they keep what.

use std::collections::BTreeMap;

use crate::api::v1alpha1::TopicOverride;

use super::component::Service;

/// A topic, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Name without the prefix.
    pub name: String,
    /// Partitions.
    pub partitions: i32,
    /// Copies; the cluster's default when absent.
    pub replicas: Option<i32>,
    /// Settings by Kafka's names.
    pub config: BTreeMap<String, String>,
    /// The only service that may write.
    pub writer: Service,
    /// The services that may read.
    pub readers: Vec<Service>,
}

enum Keeps {
    LastOfEachKey,
    For { milliseconds: i64 },
}

struct BuiltIn {
    name: &'static str,
    keeps: Keeps,
    writer: Service,
    readers: &'static [Service],
    /// Consumers that put aside what they can't process. A topic that every replica reads for itself has none.
    dead_letters: &'static [Service],
}

const HOUR: i64 = 3_600_000;
const WEEK: i64 = 7 * 24 * HOUR;
const DAY: i64 = 24 * 60 * 60 * 1000;

const BUILT_IN: [BuiltIn; 4] = [
    BuiltIn {
        name: "user-events",
        keeps: Keeps::LastOfEachKey,
        writer: Service::Auth,
        readers: &[Service::User, Service::Posts, Service::Feed],
        dead_letters: &[Service::User, Service::Posts, Service::Feed],
    },
    BuiltIn {
        name: "session-events",
        keeps: Keeps::For { milliseconds: HOUR },
        writer: Service::Auth,
        readers: &Service::ALL,
        dead_letters: &[],
    },
    BuiltIn {
        name: "profile-events",
        keeps: Keeps::LastOfEachKey,
        writer: Service::User,
        readers: &[Service::Posts, Service::Feed],
        dead_letters: &[Service::Posts, Service::Feed],
    },
    BuiltIn {
        name: "posts-events",
        keeps: Keeps::For { milliseconds: WEEK },
        writer: Service::Posts,
        // posts compares it with its outbox
        readers: &[Service::Posts, Service::Feed],
        dead_letters: &[Service::Feed],
    },
];

/// All topics of a stack with `nodes` Kafka nodes, with the changes of its spec; or sentences that say what is wrong with them.
pub fn resolve(nodes: Option<i32>, overrides: &[TopicOverride]) -> Result<Vec<Topic>, Vec<String>> {
    let mut topics = built_in(nodes);
    let known = topics.iter().map(|topic| topic.name.clone()).collect::<Vec<_>>().join(", ");
    let mut refusals = Vec::new();
    for change in overrides {
        match topics.iter_mut().find(|topic| topic.name == change.name) {
            Some(topic) => apply(topic, change, nodes, &mut refusals),
            None => refusals.push(format!(
                "kafka.topics names {}, which Tracklore doesn't use; remove it, or take one of {known}",
                change.name
            )),
        }
    }
    if refusals.is_empty() { Ok(topics) } else { Err(refusals) }
}

fn built_in(nodes: Option<i32>) -> Vec<Topic> {
    let mut topics = Vec::new();
    for built_in in &BUILT_IN {
        let (policy, retention) = match built_in.keeps {
            Keeps::LastOfEachKey => ("compact", None),
            Keeps::For { milliseconds } => ("delete", Some(milliseconds)),
        };
        topics.push(Topic {
            name: built_in.name.to_owned(),
            partitions: 3,
            replicas: nodes,
            config: settings(policy, retention),
            writer: built_in.writer,
            readers: built_in.readers.to_vec(),
        });
    }
    for built_in in &BUILT_IN {
        for consumer in built_in.dead_letters {
            topics.push(Topic {
                name: format!("{}.{}.dlq", built_in.name, consumer.as_str()),
                partitions: 1,
                replicas: nodes,
                // Compacted too, within a day: letters of deleted people are overwritten by nothing.
                config: {
                    let mut config = settings("compact,delete", Some(WEEK));
                    config.insert("max.compaction.lag.ms".to_owned(), DAY.to_string());
                    config
                },
                writer: *consumer,
                readers: vec![*consumer],
            });
        }
    }
    topics
}

fn settings(policy: &str, retention: Option<i64>) -> BTreeMap<String, String> {
    let mut config = BTreeMap::from([("cleanup.policy".to_owned(), policy.to_owned())]);
    config.extend(retention.map(|milliseconds| ("retention.ms".to_owned(), milliseconds.to_string())));
    config
}

fn apply(topic: &mut Topic, change: &TopicOverride, nodes: Option<i32>, refusals: &mut Vec<String>) {
    if let Some(partitions) = change.partitions {
        topic.partitions = partitions;
    }
    match change.replicas {
        Some(replicas) if nodes.is_some_and(|nodes| replicas > nodes) => {
            let nodes = nodes.unwrap_or_default();
            refusals.push(format!(
                "kafka.topics asks for {replicas} replicas of {}, but there are {nodes} Kafka nodes; lower it to {nodes}",
                change.name
            ));
        }
        Some(replicas) => topic.replicas = Some(replicas),
        None => {}
    }
    if let Some(retention) = &change.retention {
        match milliseconds(retention) {
            Some(value) => {
                topic.config.insert("retention.ms".to_owned(), value.to_string());
            }
            None => refusals.push(format!(
                "kafka.topics gives {} the retention {retention}; write a number and one of s, m, h, d, such as 7d",
                change.name
            )),
        }
    }
    for (key, value) in &change.config {
        // Both end in words of a command, so neither may hold what separates words.
        if is_word(key) && is_word(value) {
            topic.config.insert(key.clone(), value.clone());
        } else {
            refusals.push(format!(
                "kafka.topics gives {} the setting {key:?}: {value:?}; neither may be empty or hold white space",
                change.name
            ));
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '\\' | '=' | '"' | '\''))
}

fn milliseconds(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => HOUR,
        'd' => 24 * HOUR,
        _ => return None,
    };
    let digits = text.get(..text.len().checked_sub(1)?)?;
    digits.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_has_one_writer_and_dead_letters_belong_to_their_consumer() {
        let topics = resolve(Some(1), &[]).unwrap();
        let names: Vec<_> = topics.iter().map(|t| (t.name.as_str(), t.writer.as_str())).collect();
        assert_eq!(
            names,
            [
                ("user-events", "auth"),
                ("session-events", "auth"),
                ("profile-events", "user"),
                ("posts-events", "posts"),
                ("user-events.user.dlq", "user"),
                ("user-events.posts.dlq", "posts"),
                ("user-events.feed.dlq", "feed"),
                ("profile-events.posts.dlq", "posts"),
                ("profile-events.feed.dlq", "feed"),
                ("posts-events.feed.dlq", "feed"),
            ]
        );
    }

    #[test]
    fn overrides_change_what_they_name() {
        let change = TopicOverride {
            name: "posts-events".into(),
            partitions: Some(12),
            retention: Some("2d".into()),
            ..TopicOverride::default()
        };
        let topics = resolve(Some(1), &[change]).unwrap();
        let posts = topics.iter().find(|t| t.name == "posts-events").unwrap();
        assert_eq!((posts.partitions, posts.config["retention.ms"].as_str()), (12, "172800000"));
    }

    #[test]
    fn unknown_topics_and_too_many_replicas_are_refused_together() {
        let unknown = TopicOverride { name: "other".into(), ..TopicOverride::default() };
        let many =
            TopicOverride { name: "user-events".into(), replicas: Some(3), ..TopicOverride::default() };
        assert_eq!(resolve(Some(1), &[unknown, many]).unwrap_err().len(), 2);
    }

    #[test]
    fn settings_that_would_break_out_of_their_word_are_refused() {
        let config = BTreeMap::from([("max.message.bytes".to_owned(), "1 --delete".to_owned())]);
        let change = TopicOverride { name: "user-events".into(), config, ..TopicOverride::default() };
        assert!(resolve(Some(1), &[change]).is_err());
    }
}
