//! A version of posts that calls a column by another name: `e2e/next`. Both versions serve at once, and each can take the
//! other's place, until what only the older one uses is taken away.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{Client, ResourceExt, api::DynamicObject};
use serde_json::{Value, json};
use tracklore_e2e::{Crowd, TestStack, condition, is_ready};
use tracklore_testkit::eventually_within;

use crate::{client, name};

const PATIENCE: Duration = Duration::from_mins(4);
/// The columns that hold what a post says, with their types: before the next version came, beside it, and after the contraction.
const OLD: &str = "text text";
const BOTH: &str = "body text, text text";
const NEW: &str = "body text";

#[tokio::test]
async fn a_renamed_column_fails_no_request_and_one_can_go_back_until_the_old_one_is_gone() {
    let next = std::env::var("TRACKLORE_NEXT_POSTS")
        .expect("TRACKLORE_NEXT_POSTS is what e2e/scripts/next.sh prints; `make test-e2e` sets it");
    let client = client().await;
    let mut upgrade = Upgrade::start(&client).await;
    let present = upgrade.spec["services"]["posts"]["image"].as_str().unwrap().to_owned();
    let mut crowd = Crowd::sign_up(&upgrade.stack.url(&client).await, &name("crowd")).await;
    let pods = upgrade.names().await;

    let failing = async {
        upgrade.sql("ALTER TABLE posts ADD COLUMN body integer").await;
        upgrade.fails(&next, "already exists").await;
        upgrade.run(&present).await;
        upgrade.settles(&present).await;
        upgrade.sql("ALTER TABLE posts DROP COLUMN body").await;
    };
    crowd.while_it("a migration fails", failing).await;
    assert_eq!(upgrade.names().await, pods, "no pod was replaced");
    assert_eq!(upgrade.columns().await, OLD);

    crowd.while_it("the next version comes", upgrade.comes(&next)).await;

    let going_back = async {
        upgrade.run(&present).await;
        upgrade.settles(&present).await;
        assert_eq!(upgrade.columns().await, BOTH, "one can still go back");
    };
    crowd.while_it("the version before is back", going_back).await;

    upgrade.spec["rollout"]["contract"]["soak"] = json!("1m");
    let contracting = async {
        upgrade.run(&next).await;
        let gone = async || (upgrade.columns().await == NEW).then_some(());
        eventually_within(PATIENCE, "the old column is gone", gone).await;
        let noted = async || upgrade.has_completed("posts-contract").await.then_some(());
        eventually_within(PATIENCE, "the status has the contraction", noted).await;
        upgrade.settles(&next).await;
    };
    crowd.while_it("the old column goes", contracting).await;

    let pods = upgrade.names().await;
    let too_late = async {
        upgrade.fails(&present, "too old for the database").await;
        upgrade.run(&next).await;
        upgrade.settles(&next).await;
    };
    crowd.while_it("the version before can't come back", too_late).await;
    assert_eq!(upgrade.names().await, pods, "no pod was replaced");
    upgrade.stack.discard(&client).await;
}

/// A stack whose posts come in two versions.
struct Upgrade {
    client: Client,
    stack: TestStack,
    spec: Value,
}

impl Upgrade {
    async fn start(client: &Client) -> Self {
        let stack = TestStack::namespace(client, "upgrade").await;
        let mut spec = stack.spec();
        spec["services"]["posts"]["replicas"] = json!(2);
        spec["rollout"] = json!({"contract": {"policy": "AfterSoak", "soak": "24h"}});
        // the crowd uses a token as long as a version takes to come
        spec["auth"]["accessTokenTtl"] = json!("1h");
        stack.apply(client, &spec).await.unwrap();
        stack.wait_until_ready(client).await;
        let upgrade = Self { client: client.clone(), stack, spec };
        upgrade.settles(upgrade.spec["services"]["posts"]["image"].as_str().unwrap()).await;
        upgrade
    }

    /// Asks for this image of posts.
    async fn run(&self, image: &str) {
        let mut spec = self.spec.clone();
        spec["services"]["posts"]["image"] = json!(image);
        self.stack.apply(&self.client, &spec).await.unwrap();
    }

    /// Waits until all that was asked for has been rolled out.
    async fn settles(&self, image: &str) {
        self.stack.wait_for(&self.client, PATIENCE, "Progressing", "False").await;
        self.stack.wait_for(&self.client, PATIENCE, "Degraded", "False").await;
        let images: Vec<_> = self.pods().await.iter().map(image_of).collect();
        assert_eq!(images, [image, image]);
    }

    /// Asks for an image whose migration can't succeed, and waits until that is told in these words. The pods of before serve on.
    async fn fails(&self, image: &str, words: &str) {
        let before = self.names().await;
        self.run(image).await;
        eventually_within(PATIENCE, &format!("a migration has failed: {words}"), async || {
            let stack = self.seen().await?;
            assert!(holds(&stack, "Ready"), "{:?}", condition(&stack, "Ready"));
            let degraded = condition(&stack, "Degraded")?;
            let told = degraded["observedGeneration"].as_i64() == stack.metadata.generation
                && degraded["status"] == "True"
                && degraded["reason"] == "MigrationFailed"
                && degraded["message"].as_str().is_some_and(|message| message.contains(words));
            told.then_some(())
        })
        .await;
        assert_eq!(self.names().await, before, "nothing is rolled out");
    }

    /// The next version comes: first the database grows, then pods are replaced, and both columns say the same meanwhile.
    async fn comes(&self, next: &str) {
        self.run(next).await;
        let (mut columns, mut grown, mut both) = (self.columns().await, false, false);
        eventually_within(PATIENCE, "every pod is of the next version", async || {
            let pods = self.pods().await;
            let serving: BTreeSet<_> = pods.iter().filter(|pod| is_ready(pod)).map(image_of).collect();
            // these columns were seen before the pods, so the database was first
            grown |= columns == BOTH && !serving.contains(next);
            columns = self.columns().await;
            if serving.contains(next) {
                assert_eq!(columns, BOTH, "the next version serves before its column is there");
                let differing = "SELECT count(*) FROM posts WHERE body IS DISTINCT FROM text";
                assert_eq!(
                    self.sql(differing).await,
                    "0",
                    "posts say one thing to one version, another to the other"
                );
            }
            both |= serving.len() == 2;
            (pods.len() == 2 && pods.iter().all(|pod| is_ready(pod) && image_of(pod) == next)).then_some(())
        })
        .await;
        assert!(grown, "the database grew before the next version served");
        assert!(both, "both versions served at once");
        self.settles(next).await;
    }

    /// Pods of posts that aren't on their way out.
    async fn pods(&self) -> Vec<Pod> {
        self.stack.pods(&self.client, &["posts"]).await
    }

    async fn names(&self) -> BTreeSet<String> {
        self.pods().await.iter().map(ResourceExt::name_any).collect()
    }

    async fn seen(&self) -> Option<DynamicObject> {
        self.stack.stacks(&self.client).get(&self.stack.name).await.ok()
    }

    async fn has_completed(&self, job: &str) -> bool {
        let stack = self.seen().await;
        let jobs = stack.as_ref().and_then(|stack| stack.data.pointer("/status/completedJobs")?.as_array());
        jobs.is_some_and(|jobs| jobs.iter().any(|done| done["name"] == job))
    }

    /// The columns that hold what a post says, with their types.
    async fn columns(&self) -> String {
        let columns = "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_name) \
            FROM information_schema.columns WHERE table_name = 'posts' AND column_name IN ('body', 'text')";
        self.sql(columns).await
    }

    /// What Postgres says to a statement, in the database of posts.
    async fn sql(&self, statement: &str) -> String {
        self.stack.sql("tracklore_posts", statement).await
    }
}

fn image_of(pod: &Pod) -> String {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    container.and_then(|container| container.image.clone()).unwrap_or_default()
}

fn holds(stack: &DynamicObject, kind: &str) -> bool {
    condition(stack, kind).is_some_and(|condition| condition["status"] == "True")
}
