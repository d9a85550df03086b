//! What is done to the stack while people use it. Each fault is prepared before (so that it comes at once), strikes, passes,
//! and says whether what it does was seen.

mod change;
mod cut;
mod kill;
mod poison;
mod redis;

use super::cluster::{Cluster, Container};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    name: &'static str,
    title: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The first process of the component's container gets SIGKILL.
    Kill(&'static str),
    /// Of two replicas of posts, the one whose relay is at work.
    Relay,
    /// Redis, with what becomes of its file.
    Redis(redis::File),
    /// Packets from the first to the second component are dropped.
    Cut(&'static str, &'static str),
    ScaleFeed,
    RollPosts,
    Poison,
    Nothing,
}

const fn fault(name: &'static str, title: &'static str, kind: Kind) -> Fault {
    Fault { name, title, kind }
}

/// A fault that can strike at once.
pub(super) struct Prepared {
    kind: Kind,
    /// Whom it will hit; for a cut both ends.
    containers: Vec<Container>,
}

impl Fault {
    pub(super) const ALL: [Self; 20] = [
        fault("nothing", "nothing, for comparison", Kind::Nothing),
        fault("kill-posts", "kill -9 of posts", Kind::Kill("posts")),
        fault("kill-relay", "kill -9 of the active relay", Kind::Relay),
        fault("kill-feed", "kill -9 of feed in the middle of a batch", Kind::Kill("feed")),
        fault("kill-kafka", "kill -9 of Kafka", Kind::Kill("kafka")),
        fault("kill-redis", "kill -9 of Redis, with its data", Kind::Redis(redis::File::Kept)),
        fault("empty-redis", "kill -9 of Redis, without its data", Kind::Redis(redis::File::Gone)),
        fault("old-redis", "Redis restored from an older copy", Kind::Redis(redis::File::Older)),
        fault("kill-postgres", "kill -9 of Postgres", Kind::Kill("postgres")),
        fault("scale-feed", "feed scaled 1 → 3 → 1", Kind::ScaleFeed),
        fault("roll-posts", "posts rolled to another template", Kind::RollPosts),
        fault("cut-posts-kafka", "no packet from posts to Kafka for 15 s", Kind::Cut("posts", "kafka")),
        fault("cut-kafka-posts", "no packet from Kafka to posts for 15 s", Kind::Cut("kafka", "posts")),
        fault("cut-feed-kafka", "no packet from feed to Kafka for 15 s", Kind::Cut("feed", "kafka")),
        fault("cut-kafka-feed", "no packet from Kafka to feed for 15 s", Kind::Cut("kafka", "feed")),
        fault("cut-feed-redis", "no packet from feed to Redis for 15 s", Kind::Cut("feed", "redis")),
        fault("cut-redis-feed", "no packet from Redis to feed for 15 s", Kind::Cut("redis", "feed")),
        fault(
            "cut-posts-postgres",
            "no packet from posts to Postgres for 15 s",
            Kind::Cut("posts", "postgres"),
        ),
        fault(
            "cut-postgres-posts",
            "no packet from Postgres to posts for 15 s",
            Kind::Cut("postgres", "posts"),
        ),
        fault("poison", "a record that nobody can process", Kind::Poison),
    ];

    /// For `LEDGER_FAULTS`.
    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// For people.
    pub(super) fn title(self) -> &'static str {
        self.title
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name == name)
    }

    /// Whom it kills gets a new pod when it was killed before: the kubelet lets a container wait longer each time, and it
    /// isn't the kubelet that is tested.
    pub(super) async fn rest(self, cluster: &Cluster) {
        match self.kind {
            Kind::Kill(component) => cluster.forget_restarts(component).await,
            Kind::Redis(_) => cluster.forget_restarts("redis").await,
            _ => {}
        }
    }

    /// Finds whom it will hit.
    pub(super) async fn prepare(self, cluster: &Cluster) -> Result<Prepared, String> {
        let containers = match self.kind {
            Kind::Kill(component) => vec![cluster.container(component).await?],
            Kind::Redis(file) => {
                let container = cluster.container("redis").await?;
                redis::prepare(cluster, &container, file).await?;
                vec![container]
            }
            Kind::Cut(from, to) => vec![cluster.container(from).await?, cluster.container(to).await?],
            Kind::Relay => {
                change::replicas(cluster, "posts", 2).await;
                Vec::new()
            }
            Kind::ScaleFeed | Kind::RollPosts | Kind::Poison | Kind::Nothing => Vec::new(),
        };
        Ok(Prepared { kind: self.kind, containers })
    }
}

impl Prepared {
    /// Strikes, and waits until it has passed: whether it was seen.
    pub(super) async fn strike(&self, cluster: &Cluster) -> Result<bool, String> {
        match (self.kind, self.containers.as_slice()) {
            (Kind::Kill(component), [container]) => kill::kill(cluster, component, container).await,
            (Kind::Redis(file), [container]) => redis::strike(cluster, container, file).await,
            (Kind::Cut(..), [from, to]) => cut::cut(cluster, from, to).await,
            (Kind::Relay, _) => kill::active_relay(cluster).await,
            (Kind::ScaleFeed, _) => Ok(change::scale_feed(cluster).await),
            (Kind::RollPosts, _) => change::roll_posts(cluster).await,
            (Kind::Nothing, _) => Ok(true),
            (Kind::Poison, _) => poison::poison(cluster).await,
            _ => Err(format!("{:?} is not prepared", self.kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_found_and_no_two_are_alike() {
        let names: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), Fault::ALL.len());
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.name), Some(fault));
        }
        assert_eq!(Fault::named("kill-moon"), None);
    }
}
