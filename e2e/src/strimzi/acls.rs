//! The ACLs that a `KafkaUser` asks for, and the commands of Kafka's own tool that give and take them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A user's ACLs, each for one operation.
pub(super) type Acls = BTreeSet<Acl>;

/// What all resources of one command have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sort {
    allow: bool,
    host: String,
    prefix: bool,
    kind: String,
}

/// One operation on one resource, or on those whose names begin so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Acl {
    sort: Sort,
    name: String,
    operation: String,
}

/// The ACLs of a user's spec.
pub(super) fn asked_for(spec: &Value) -> Acls {
    let rules = spec.pointer("/authorization/acls").and_then(Value::as_array);
    rules.into_iter().flatten().flat_map(of_rule).collect()
}

fn of_rule(rule: &Value) -> Vec<Acl> {
    let text = |pointer: &str, default: &str| {
        rule.pointer(pointer).and_then(Value::as_str).unwrap_or(default).to_owned()
    };
    let sort = Sort {
        allow: text("/type", "allow") == "allow",
        host: text("/host", "*"),
        prefix: text("/resource/patternType", "literal") == "prefix",
        kind: text("/resource/type", ""),
    };
    let operations = rule["operations"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let acl = |operation: &str| Acl {
        sort: sort.clone(),
        name: text("/resource/name", ""),
        operation: operation.to_owned(),
    };
    operations.map(acl).collect()
}

/// The arguments of as few commands as give these ACLs to a user; `verb` is `--add` or `--remove`.
pub(super) fn commands<'a>(
    verb: &str,
    user: &str,
    acls: impl IntoIterator<Item = &'a Acl>,
) -> Vec<Vec<String>> {
    let mut operations: BTreeMap<(&Sort, &str), BTreeSet<&str>> = BTreeMap::new();
    for acl in acls {
        operations.entry((&acl.sort, &acl.name)).or_default().insert(&acl.operation);
    }
    // a command does all its operations on all its resources
    let mut resources: BTreeMap<(&Sort, BTreeSet<&str>), Vec<&str>> = BTreeMap::new();
    for ((sort, name), operations) in operations {
        resources.entry((sort, operations)).or_default().push(name);
    }
    let command = |((sort, operations), names): ((&Sort, BTreeSet<&str>), Vec<&str>)| {
        let (effect, pattern) =
            (if sort.allow { "allow" } else { "deny" }, if sort.prefix { "prefixed" } else { "literal" });
        let mut words = vec![verb.to_owned(), "--force".to_owned()];
        words.extend([format!("--{effect}-principal"), format!("User:{user}")]);
        words.extend([format!("--{effect}-host"), sort.host.clone()]);
        words.extend(["--resource-pattern-type".to_owned(), pattern.to_owned()]);
        for name in names {
            match sort.kind.as_str() {
                "cluster" => words.push("--cluster".to_owned()),
                "transactionalId" => words.extend(["--transactional-id".to_owned(), name.to_owned()]),
                kind => words.extend([format!("--{kind}"), name.to_owned()]),
            }
        }
        for operation in operations {
            words.extend(["--operation".to_owned(), operation.to_owned()]);
        }
        words
    };
    resources.into_iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn resources_with_the_same_operations_are_one_command() {
        let spec = json!({"authorization": {"type": "simple", "acls": [
            {"resource": {"type": "topic", "name": "b"}, "operations": ["Read", "Describe"]},
            {"resource": {"type": "topic", "name": "a", "patternType": "literal"}, "operations": ["Describe", "Read"]},
            {"resource": {"type": "group", "name": "g-", "patternType": "prefix"}, "operations": ["Read"]},
            {"type": "deny", "host": "10.0.0.1", "resource": {"type": "cluster"}, "operations": ["All"]}
        ]}});
        let words: Vec<_> =
            commands("--add", "ada", &asked_for(&spec)).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            words,
            [
                "--add --force --deny-principal User:ada --deny-host 10.0.0.1 --resource-pattern-type literal \
                 --cluster --operation All",
                "--add --force --allow-principal User:ada --allow-host * --resource-pattern-type literal \
                 --topic a --topic b --operation Describe --operation Read",
                "--add --force --allow-principal User:ada --allow-host * --resource-pattern-type prefixed \
                 --group g- --operation Read",
            ]
        );
    }
}
