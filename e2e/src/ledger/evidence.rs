//! What the stack's stores have: asked by their own programs, in their own pods, so that nobody needs a way in.
//! Kafka is asked from a pod of its own, because a second Java machine doesn't fit into the broker's memory.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::json;
use tracklore_testkit::{
    eventually_within,
    ledger::found::{Found, Published, READ_MODEL, REVISIONS, ROWS, ReadModel, Row},
};

use super::cluster::Cluster;
use crate::stack::is_ready;

/// The pod with Kafka's tools.
const TOOLS: &str = "ledger-tools";
/// With what Kafka's tools are called, in that pod.
const JAVA: &str = "java -Xmx160m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xlog:disable \
    -Xlog:all=error:stderr -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml -cp '/opt/kafka/libs/*'";

/// Everything; none while a store can't be asked.
pub(super) async fn found(cluster: &Cluster) -> Option<Found> {
    match collect(cluster).await {
        Ok(found) => Some(found),
        Err(error) => {
            println!("  {error}");
            None
        }
    }
}

async fn collect(cluster: &Cluster) -> Result<Found, String> {
    let records = records(cluster, "posts-events").await?;
    Ok(Found {
        rows: rows(cluster, ROWS).await?,
        revisions: rows(cluster, REVISIONS).await?,
        records: records.lines().filter_map(published).collect(),
        redis: read_model(cluster).await?,
    })
}

/// Asks a database of the stack; a line for each row, columns apart by tabulators.
pub(super) async fn query(cluster: &Cluster, statement: &str) -> Result<String, String> {
    let pod = format!("{}-postgres-0", cluster.stack.name);
    let psql = [
        "psql",
        "-U",
        "postgres",
        "-d",
        "tracklore_posts",
        "-v",
        "ON_ERROR_STOP=1",
        "-XqAt",
        "-F",
        "\t",
        "-f",
        "-",
    ];
    cluster.exec(&pod, &psql, statement).await
}

async fn rows(cluster: &Cluster, statement: &str) -> Result<Vec<Row>, String> {
    let answer = query(cluster, statement).await?;
    let row = |line: &str| {
        let mut columns = line.splitn(3, '\t');
        Row::of(columns.next()?, columns.next()?, columns.next()?)
    };
    Ok(answer.lines().filter_map(row).collect())
}

async fn read_model(cluster: &Cluster) -> Result<ReadModel, String> {
    let pod = format!("{}-redis-0", cluster.stack.name);
    let ask = [
        "valkey-cli",
        "-s",
        "/run/valkey/valkey.sock",
        "-e",
        "--user",
        "admin",
        "--no-auth-warning",
        "--raw",
        "EVAL",
        READ_MODEL,
        "0",
        "posts-events",
    ];
    Ok(ReadModel::of_lines(cluster.exec(&pod, &ask, "").await?.lines()))
}

/// All records of a topic, a line each: partition, offset, headers, key.
pub(super) async fn records(cluster: &Cluster, topic: &str) -> Result<String, String> {
    let shown = ["partition=true", "offset=true", "headers=true", "key=true", "value=false"]
        .map(|what| format!("--formatter-property print.{what} "))
        .concat();
    let command = format!(
        "{JAVA} org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server \"$BOOTSTRAP\" \
         --command-config /tmp/admin.properties --topic {topic} --from-beginning --timeout-ms 4000 {shown} \
         --formatter-property headers.separator=,"
    );
    tools(cluster, &command, "").await
}

/// Writes a record that nobody can process.
pub(super) async fn poison(cluster: &Cluster, topic: &str) -> Result<(), String> {
    let command = format!(
        "{JAVA} org.apache.kafka.tools.ConsoleProducer --bootstrap-server \"$BOOTSTRAP\" \
         --command-config /tmp/admin.properties --topic {topic} --reader-property parse.key=true \
         --reader-property parse.headers=true"
    );
    let headers =
        "ce_type:tracklore.post.created.v1,ce_subject:poison,ce_sequence:1,ce_time:2026-11-20T09:30:00.000Z";
    tools(cluster, &command, &format!("{headers}\tpoison\t{{\"id\":1}}\n")).await.map(drop)
}

/// Runs a command in the pod with Kafka's tools, which is made when it isn't there.
async fn tools(cluster: &Cluster, command: &str, input: &str) -> Result<String, String> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &cluster.stack.namespace);
    if pods.get_opt(TOOLS).await.map_err(|error| error.to_string())?.is_none() {
        let pod = tools_pod(cluster).await?;
        pods.create(&PostParams::default(), &pod).await.map_err(|error| error.to_string())?;
        eventually_within(Duration::from_mins(2), "the pod with Kafka's tools is ready", async || {
            pods.get(TOOLS).await.ok().filter(is_ready)
        })
        .await;
    }
    cluster.exec(TOOLS, &["sh", "-euc", command], input).await
}

/// Beside the broker as its provisioning Job is: with the administrator's password, and let in by the network's policies.
async fn tools_pod(cluster: &Cluster) -> Result<Pod, String> {
    let name = &cluster.stack.name;
    let kafka = cluster.pods("kafka").await;
    let image = kafka.first().and_then(|pod| pod.spec.as_ref()?.containers.first()?.image.clone());
    let image = image.ok_or("no pod of kafka")?;
    let prepare = "printf '%s\\n' security.protocol=SASL_SSL sasl.mechanism=SCRAM-SHA-512 \
        ssl.truststore.type=PEM ssl.truststore.location=/authority/ca.crt \
        \"sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\\\"admin\\\" \
        password=\\\"$ADMIN_PASSWORD\\\";\" >/tmp/admin.properties; read -r _ || :";
    let pod = json!({
        "metadata": {"name": TOOLS, "labels": {
            "app.kubernetes.io/instance": name, "app.kubernetes.io/component": "kafka",
            "app.kubernetes.io/name": "ledger-tools"
        }},
        "spec": {
            "automountServiceAccountToken": false, "enableServiceLinks": false, "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "tools", "image": image, "command": ["sh", "-euc", prepare],
                // nobody ever writes into it: so it waits
                "stdin": true,
                "env": [
                    {"name": "BOOTSTRAP", "value": format!("{name}-kafka.{}.svc:9092", cluster.stack.namespace)},
                    {"name": "ADMIN_PASSWORD", "valueFrom": {"secretKeyRef": {"name": format!("{name}-kafka-admin"), "key": "password"}}}
                ],
                "volumeMounts": [{"name": "authority", "mountPath": "/authority"}],
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "400Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}
            }],
            "volumes": [{"name": "authority", "secret": {"secretName": format!("{name}-internal-ca")}}]
        }
    });
    serde_json::from_value(pod).map_err(|error| error.to_string())
}

/// A record in a line of [`records`]; none when it is no event of a post.
fn published(line: &str) -> Option<Published> {
    let mut fields = line.split('\t');
    let partition = fields.next()?.strip_prefix("Partition:")?.parse().ok()?;
    let offset = fields.next()?.strip_prefix("Offset:")?.parse().ok()?;
    let headers = fields.next()?;
    let header = |name: &str| {
        headers
            .split(',')
            .find_map(|header| header.split_once(':').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    };
    Some(Published {
        post: fields.next()?.parse().ok()?,
        sequence: header("ce_sequence")?.parse().ok()?,
        event: header("ce_id")?.to_owned(),
        partition,
        offset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_kafkas_tool_prints_it() {
        let post = "019aa0c2-0000-7000-8000-000000000001";
        let line = format!(
            "Partition:2\tOffset:17\tce_id:e-1,ce_time:2026-11-20T09:30:00.000Z,ce_sequence:3,content-type:application/json\t{post}"
        );
        let expected = Published {
            post: post.parse().unwrap(),
            sequence: 3,
            event: "e-1".to_owned(),
            partition: 2,
            offset: 17,
        };
        assert_eq!(published(&line), Some(expected));
        assert_eq!(published("Partition:0\tOffset:3\tce_id:x,ce_sequence:1\tpoison"), None);
        assert_eq!(published("Processed a total of 3 messages"), None);
    }
}
