//! Several replicas as processes of their own: one works, another goes on when it stops, dies or is cut off.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracklore_testkit::{Fault, Proxy, eventually_within};

use crate::{server, spaces::Space};

/// The one that the operator's account may use.
const NAMESPACE: &str = "tracklore-system";
const NAME: &str = "tracklore-operator";
/// A Lease that isn't renewed counts so long; whoever waits looks every two seconds.
const EXPIRED: Duration = Duration::from_secs(15 + 2 * 2);

/// A replica; killed when dropped.
struct Replica(Child);

impl Replica {
    fn start(name: &str, kubeconfig: &std::path::Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_tracklore-operator"))
            .arg("run")
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", name)
            .env("TRACKLORE_OPERATOR_LEASE", format!("{NAMESPACE}/{NAME}"))
            .env("TRACKLORE_OPERATOR_LISTEN", "127.0.0.1:0")
            .env("WATCH_NAMESPACES", "none-of-a-test")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn terminate(&self) {
        let process = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until a replica holds the Lease; how long that took.
async fn holds(leases: &Api<Lease>, replica: &str, patience: Duration) -> Duration {
    let began = Instant::now();
    eventually_within(patience, &format!("{replica} holds the Lease"), async || {
        let holder = leases.get_opt(NAME).await.unwrap()?.spec?.holder_identity?;
        holder.starts_with(replica).then_some(())
    })
    .await;
    began.elapsed()
}

#[tokio::test]
async fn one_replica_works_and_another_goes_on_when_it_stops_dies_or_is_cut_off() {
    let space = Space::new("leases").await;
    let leases: Api<Lease> = Api::namespaced(space.client.clone(), NAMESPACE);
    let direct = server::server().kubeconfig("operator");
    let start = Duration::from_secs(60);

    // the first one that comes works, and the second waits
    let first = Replica::start("first", &direct);
    holds(&leases, "first", start).await;
    let second = Replica::start("second", &direct);

    // asked to stop, it gives the Lease back
    first.terminate();
    let took = holds(&leases, "second", start).await;
    println!("after a stop: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");

    // killed, it can't; the Lease expires
    let third = Replica::start("third", &direct);
    drop(second);
    let took = holds(&leases, "third", start).await;
    println!("after kill -9: {took:?}");
    assert!(took < EXPIRED + Duration::from_secs(1), "{took:?}");
    drop(third);

    // cut off, it ends before anybody else may begin
    let proxy = Proxy::before(&server::server().address()).await;
    let behind = tempfile::NamedTempFile::new().unwrap();
    let kubeconfig = std::fs::read_to_string(&direct).unwrap();
    std::fs::write(behind.path(), kubeconfig.replace(&server::server().address(), &proxy.address())).unwrap();
    let mut cut_off = Replica::start("cut-off", behind.path());
    holds(&leases, "cut-off", start).await;
    let waiting = Replica::start("waiting", &direct);
    proxy.set(Fault::HalfOpen);
    let took = holds(&leases, "waiting", start).await;
    println!("after being cut off: {took:?}");
    assert!(cut_off.has_ended(), "two replicas work at a time");
    drop(waiting);

    // the Lease was given to somebody else: it stops at once
    let mut robbed = Replica::start("robbed", &direct);
    holds(&leases, "robbed", start).await;
    let thief = json!({"spec": {"holderIdentity": "somebody-else"}});
    leases.patch(NAME, &PatchParams::default(), &Patch::Merge(thief)).await.unwrap();
    let began = Instant::now();
    eventually_within(Duration::from_secs(10), "the replica without a Lease has ended", async || {
        robbed.has_ended().then_some(())
    })
    .await;
    println!("after the loss: {:?}", began.elapsed());
    leases.delete(NAME, &kube::api::DeleteParams::default()).await.unwrap();
}
