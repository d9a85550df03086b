//! Servers that a stack finds outside itself: plain pods of Postgres, Kafka and Valkey in a namespace of their own, from the
//! images that stacks use, with certificates of an authority that only the test knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::api::core::v1::{Pod, Secret, Service};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tracklore_testkit::eventually_within;

use crate::{TestStack, authority::Certified, shell, stack::is_ready};

/// The administrator of Postgres: a role that may make databases and roles, and is no superuser.
pub const POSTGRES_ADMIN: &str = "keeper";
/// The password of all administrators; the quotes have to arrive as they are.
pub const PASSWORD: &str = "a \"quoted\" word/of@47:letters";
/// The password of Redis stands in an address, where those letters would need escapes.
const REDIS_PASSWORD: &str = "plain-words-of-letters";

const POSTGRES: &str = r#"
umask 077
initdb --pgdata=/data/pg --username=postgres --auth=reject --encoding=UTF8 --locale=C > /dev/null
printf '%s\n' 'local all all reject' 'hostssl all all all scram-sha-256' > /data/hba.conf
printf '%s\n' "CREATE ROLE keeper LOGIN CREATEDB CREATEROLE PASSWORD '$PASSWORD'" | postgres --single -D /data/pg postgres > /dev/null
exec postgres -D /data/pg -c hba_file=/data/hba.conf -c listen_addresses='*' -c unix_socket_directories=/tmp \
    -c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/tls/tls.key
"#;

const KAFKA: &str = r#"
umask 077
printf '%s\n' \
    'process.roles=broker,controller' 'node.id=0' 'controller.quorum.voters=0@127.0.0.1:9094' 'log.dirs=/data/log' \
    'listeners=CLIENT://:9093,LOCAL://127.0.0.1:9095,CONTROLLER://127.0.0.1:9094' \
    "advertised.listeners=CLIENT://$HOST:9093,LOCAL://127.0.0.1:9095" \
    'listener.security.protocol.map=CLIENT:SASL_SSL,LOCAL:PLAINTEXT,CONTROLLER:PLAINTEXT' \
    'inter.broker.listener.name=LOCAL' 'controller.listener.names=CONTROLLER' \
    'ssl.keystore.type=PEM' 'ssl.keystore.location=/tls/kafka.pem' \
    'sasl.enabled.mechanisms=SCRAM-SHA-512' \
    'listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;' \
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer' \
    'super.users=User:admin;User:ANONYMOUS' 'auto.create.topics.enable=false' \
    'offsets.topic.replication.factor=1' 'offsets.topic.num.partitions=3' \
    'transaction.state.log.replication.factor=1' 'transaction.state.log.min.isr=1' \
    'group.initial.rebalance.delay.ms=0' 'log.cleaner.dedupe.buffer.size=16777216' > /data/server.properties
# the tool takes a password by its letters, unless it begins and ends with quotes
java -Xmx96m -cp '/opt/kafka/libs/*' kafka.tools.StorageTool format --cluster-id TrackloreTestServers00 \
    --config /data/server.properties --add-scram "SCRAM-SHA-512=[name=admin,iterations=8192,password=$PASSWORD]" > /dev/null
exec java -Xmx256m -XX:+UseSerialGC -cp '/opt/kafka/libs/*' kafka.Kafka /data/server.properties
"#;

const VALKEY: &str = r#"
exec valkey-server --port 0 --tls-port 6379 --tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key \
    --tls-ca-cert-file /tls/ca.crt --tls-auth-clients no --dir /data --requirepass "$PASSWORD" --maxmemory-policy "$POLICY"
"#;

/// Servers in a namespace.
pub struct Servers {
    /// Where they are.
    pub namespace: String,
    authority: String,
}

impl Servers {
    /// Makes the namespace and what the servers' pods need.
    pub async fn prepare(client: &Client) -> Self {
        let namespace = TestStack::namespace(client, "servers").await.namespace;
        let names = ["postgres", "kafka", "redis"].map(|server| format!("{server}.{namespace}.svc"));
        let Certified { authority, certificate, key } = Certified::new(names.into());
        let servers = Self { namespace: namespace.clone(), authority };
        let files = [
            ("ca.crt", servers.authority.clone()),
            ("tls.crt", certificate.clone()),
            ("tls.key", key.clone()),
            ("kafka.pem", format!("{key}{certificate}")),
        ];
        secret(client, &namespace, "tls", &files).await;
        servers
    }

    /// Starts Postgres.
    pub async fn postgres(&self, client: &Client) {
        let environment = [("PASSWORD", PASSWORD.to_owned())];
        let image = "docker.io/library/postgres:17.11";
        self.start(client, ("postgres", 5432), image, 999, POSTGRES, &environment).await;
    }

    /// Starts Kafka.
    pub async fn kafka(&self, client: &Client) {
        let environment = [("PASSWORD", PASSWORD.to_owned()), ("HOST", self.host("kafka"))];
        self.start(client, ("kafka", 9093), "docker.io/apache/kafka:4.3.1", 1000, KAFKA, &environment).await;
    }

    /// The users that have rights in Kafka, in order.
    pub async fn kafka_users(&self) -> Result<Vec<String>, String> {
        let exec = ["--context", "kind-tracklore", "--namespace", &self.namespace, "exec", "kafka", "--"];
        let tool = ["java", "-Xmx96m", "-cp", "/opt/kafka/libs/*", "org.apache.kafka.tools.AclCommand"];
        let ask = ["--bootstrap-server", "127.0.0.1:9095", "--list"];
        let listed = shell::run("kubectl", &[&exec[..], &tool, &ask].concat()).await?;
        let principals =
            listed.lines().filter_map(|line| line.split_once("principal=User:")?.1.split_once(','));
        let users: BTreeSet<_> = principals.map(|(user, _)| user.to_owned()).collect();
        Ok(users.into_iter().collect())
    }

    /// Starts Valkey with this policy, in place of the one before.
    pub async fn redis(&self, client: &Client, policy: &str) {
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        if pods.get_opt("redis").await.expect("the API answers").is_some() {
            pods.delete("redis", &DeleteParams::default().grace_period(0)).await.expect("the pod can go");
            eventually_within(Duration::from_mins(2), "the old pod is gone", async || {
                pods.get_opt("redis").await.ok()?.is_none().then_some(())
            })
            .await;
        }
        let environment = [("PASSWORD", REDIS_PASSWORD.to_owned()), ("POLICY", policy.to_owned())];
        let image = "docker.io/valkey/valkey:8.1.1";
        self.start(client, ("redis", 6379), image, 999, VALKEY, &environment).await;
    }

    /// Makes the Secrets by which a stack uses the servers, with this password for Postgres.
    pub async fn introduce(&self, client: &Client, stack: &TestStack, postgres_password: &str) {
        let login =
            |name: &str, password: &str| [("username", name.to_owned()), ("password", password.to_owned())];
        let namespace = &stack.namespace;
        secret(client, namespace, "authority", &[("ca.crt", self.authority.clone())]).await;
        secret(client, namespace, "postgres-admin", &login(POSTGRES_ADMIN, postgres_password)).await;
        secret(client, namespace, "kafka-admin", &login("admin", PASSWORD)).await;
        let uri = format!("rediss://:{REDIS_PASSWORD}@{}:6379/0", self.host("redis"));
        secret(client, namespace, "redis-address", &[("uri", uri)]).await;
    }

    /// The part of a spec that uses the servers.
    pub fn dependencies(&self) -> [(&'static str, Value); 3] {
        let tls = json!({"caSecretRef": {"name": "authority"}});
        [
            (
                "postgres",
                json!({"external": {
                    "host": self.host("postgres"), "tls": tls,
                    "admin": {"secretRef": {"name": "postgres-admin"}, "namePrefix": "community_"}
                }}),
            ),
            (
                "kafka",
                json!({"external": {
                    "bootstrapServers": [format!("{}:9093", self.host("kafka"))], "tls": tls,
                    "sasl": {"admin": {"secretRef": {"name": "kafka-admin"}}}
                }}),
            ),
            (
                "redis",
                json!({"external": {
                    "urlSecretRef": {"name": "redis-address"}, "caSecretRef": {"name": "authority"}
                }}),
            ),
        ]
    }

    fn host(&self, server: &str) -> String {
        format!("{server}.{}.svc", self.namespace)
    }

    async fn start(
        &self,
        client: &Client,
        (name, port): (&str, u16),
        image: &str,
        user: i64,
        script: &str,
        environment: &[(&str, String)],
    ) {
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let pod: Pod = object(json!({
            "metadata": {"name": name, "labels": {"server": name}},
            "spec": {
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": user, "runAsGroup": user, "fsGroup": user,
                    "seccompProfile": {"type": "RuntimeDefault"}
                },
                "containers": [{
                    "name": name, "image": image, "command": ["sh", "-euc", script], "env": environment,
                    "ports": [{"name": "server", "containerPort": port}],
                    "readinessProbe": {"tcpSocket": {"port": "server"}, "periodSeconds": 1},
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "volumeMounts": [
                        {"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"},
                        {"name": "tls", "mountPath": "/tls", "readOnly": true}
                    ]
                }],
                "volumes": [
                    {"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}},
                    {"name": "tls", "secret": {"secretName": "tls", "defaultMode": 0o440}}
                ]
            }
        }));
        let service: Service = object(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"server": name}, "ports": [{"port": port, "targetPort": "server"}]}
        }));
        let pods: Api<Pod> = Api::namespaced(client.clone(), &self.namespace);
        let services: Api<Service> = Api::namespaced(client.clone(), &self.namespace);
        pods.create(&PostParams::default(), &pod).await.expect("the pod is made");
        let parameters = PatchParams::apply("end-to-end-test").force();
        services.patch(name, &parameters, &Patch::Apply(&service)).await.expect("the Service is made");
        eventually_within(
            Duration::from_mins(4),
            &format!("{name} outside the stack is ready"),
            async || is_ready(&pods.get(name).await.ok()?).then_some(()),
        )
        .await;
    }
}

/// Makes a Secret, or gives it another content.
pub async fn secret(client: &Client, namespace: &str, name: &str, content: &[(&str, String)]) {
    let content: BTreeMap<_, _> = content.iter().cloned().collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content
    });
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let parameters = PatchParams::apply("end-to-end-test").force();
    let made = secrets.patch(name, &parameters, &Patch::Apply(&object)).await.expect("the Secret is made");
    assert_eq!(made.name_any(), name);
}

fn object<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of Kubernetes")
}
