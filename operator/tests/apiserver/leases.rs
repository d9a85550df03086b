//! Two replicas of the operator, as processes: one works at a time, whatever happens to it.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracklore_operator::runtime::{fence::Fence, lease::Candidate};
use tracklore_testkit::eventually_within;

use crate::{
    replica::Replica,
    settle::PATIENCE,
    spaces::{NAME, Space, spec},
};

/// Where the chart has it.
const LEASE: (&str, &str) = ("tracklore-system", "tracklore-operator");
/// A Lease that isn't renewed for so long is free.
const DURATION: SignedDuration = SignedDuration::from_secs(15);

/// One of several that have one Lease.
fn replica(space: &Space, account: &str, name: &'static str) -> Replica {
    Replica::start(space, account, name, &["--lease", &format!("{}/{}", LEASE.0, LEASE.1)])
}

/// Waits until a replica holds the Lease.
async fn works(replica: &Replica, leases: &Api<Lease>) -> Lease {
    eventually_within(PATIENCE, &format!("{} holds the Lease", replica.name), async || {
        let lease = leases.get_opt(LEASE.1).await.unwrap()?;
        let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
        holder.starts_with(&format!("{}_", replica.name)).then_some(lease)
    })
    .await
}

fn renewed(lease: &Lease) -> Timestamp {
    lease.spec.as_ref().unwrap().renew_time.as_ref().unwrap().0
}

fn acquired(lease: &Lease) -> Timestamp {
    lease.spec.as_ref().unwrap().acquire_time.as_ref().unwrap().0
}

impl Space {
    /// Takes something of the stack away, and waits until somebody has made it anew.
    async fn is_healed(&self) {
        let deployments = self.api::<Deployment>();
        let feed = format!("{NAME}-feed");
        let uid = deployments.get(&feed).await.unwrap().uid();
        deployments.delete(&feed, &DeleteParams::default()).await.unwrap();
        eventually_within(PATIENCE, "what went is made anew", async || {
            deployments.get_opt(&feed).await.unwrap().filter(|anew| anew.uid() != uid).map(drop)
        })
        .await;
    }

    /// What an account has written here after a moment, as the API server wrote it down.
    fn written_after(&self, account: &str, moment: Timestamp) -> Vec<String> {
        let log = std::fs::read_to_string(self.server.audit_log()).unwrap();
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let written = events.filter(|event| {
            let at = event["requestReceivedTimestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            let reads = ["get", "list", "watch"].map(|verb| json!(verb)).contains(&event["verb"]);
            event["user"]["uid"] == account
                && event["objectRef"]["namespace"] == json!(self.name)
                && !reads
                && at.is_some_and(|at| at > moment)
        });
        written.map(|event| format!("{} {}", event["verb"], event["requestURI"])).collect()
    }
}

#[tokio::test]
async fn one_replica_works_and_another_goes_on_when_it_ends_dies_or_stands_still() {
    let space = Space::new("replicas").await;
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), LEASE.0);
    let mut first = replica(&space, "operator", "first");
    works(&first, &leases).await;
    space.apply(&spec()).await;
    space.serves().await;

    let second = replica(&space, "rival", "second");
    let asked = (Timestamp::now(), Instant::now());
    first.signal("-TERM");
    let lease = works(&second, &leases).await;
    println!("one that ends is followed after {:.1?}", asked.1.elapsed());
    assert!(acquired(&lease).duration_since(asked.0) < DURATION, "it was given back, and didn't expire");
    assert!(first.ended().await.success());
    space.is_healed().await;
    assert_eq!(space.written_after("operator", acquired(&lease)), [""; 0]);

    let third = replica(&space, "operator", "third");
    let before = works(&second, &leases).await;
    second.signal("-KILL");
    let lease = works(&third, &leases).await;
    let waited = acquired(&lease).duration_since(renewed(&before));
    println!("one that was killed is followed {waited:.1?} after the Lease was last seen renewed");
    assert!(waited >= DURATION, "it could have been alive: {waited:?}");
    space.is_healed().await;

    // One that stands still finds work when it wakes, and that it isn't its own any more.
    let mut third = third;
    let fourth = replica(&space, "rival", "fourth");
    third.signal("-STOP");
    let lease = works(&fourth, &leases).await;
    space.is_healed().await;
    let mut changed = spec();
    changed["services"] = json!({"feed": {"replicas": 2}});
    third.signal("-CONT");
    space.apply(&changed).await;
    assert!(!third.ended().await.success(), "it says that it had to stop");
    space.serves().await;
    assert_eq!(space.written_after("operator", acquired(&lease)), [""; 0], "who lost it writes nothing");
    assert_ne!(space.written_after("rival", acquired(&lease)), [""; 0], "the audit log tells them apart");
    drop(second);
}

/// What answers get lost with: the Lease is another version than the holder believes, though still its own.
#[tokio::test]
async fn a_lease_that_changed_unheard_is_kept_while_it_names_its_holder_and_given_back() {
    let space = Space::new("unheard").await;
    let leases = space.api::<Lease>();
    let candidate = |name: &str| {
        let lease = format!("{}/lease", space.name).parse().unwrap();
        Candidate::new(space.client.clone(), lease, name.to_owned(), Fence::closed())
    };
    let change = async |change: Value| {
        leases.patch("lease", &PatchParams::default(), &Patch::Merge(&change)).await.unwrap()
    };
    let stop = CancellationToken::new();
    let mut held = candidate("first").acquire(&stop).await.unwrap();

    let before = change(json!({"metadata": {"labels": {"seen": "by-somebody"}}})).await;
    let renewal = eventually_within(PATIENCE, "the Lease is renewed", async || {
        leases.get("lease").await.ok().filter(|lease| renewed(lease) > renewed(&before))
    });
    tokio::select! {
        () = held.keep() => panic!("it was given up"),
        lease = renewal => assert_eq!(lease.labels()["seen"], "by-somebody"),
    }
    change(json!({"metadata": {"labels": {"seen": "by-another"}}})).await;
    held.release().await;
    assert_eq!(leases.get("lease").await.unwrap().spec.unwrap().holder_identity, None);

    let mut held = candidate("second").acquire(&stop).await.unwrap();
    change(json!({"spec": {"holderIdentity": "third"}})).await;
    tokio::time::timeout(PATIENCE, held.keep()).await.expect("it is told that it lost the Lease");
    held.release().await;
    let holder = leases.get("lease").await.unwrap().spec.unwrap().holder_identity;
    assert_eq!(holder.as_deref(), Some("third"), "who lost it doesn't give it back");
}
