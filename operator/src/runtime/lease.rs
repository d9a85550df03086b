//! Which of several replicas works: the one that holds a Lease. The others wait, ready to go on where it stopped.
//!
//! Times are those that client-go's leader election uses. Clocks aren't compared: a Lease has expired when nobody has
//! renewed it for its duration as measured here. A holder that can't renew stops before anybody else may begin.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio_util::sync::CancellationToken;

use super::fence::Fence;

/// A Lease that isn't renewed for so long is free.
const DURATION: Duration = Duration::from_secs(15);
/// A holder that couldn't renew for so long stops.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often it is renewed, and how often those who wait look.
const PERIOD: Duration = Duration::from_secs(2);
/// A request that takes longer counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the Lease lies: `<namespace>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    namespace: String,
    name: String,
}

impl std::str::FromStr for LeaseName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err("must be <namespace>/<name>"),
        }
    }
}

/// A Lease, and who asks for it.
pub struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    fence: Fence,
}

/// A Lease that is held.
pub struct Held {
    candidate: Candidate,
    lease: Lease,
    renewed: Instant,
}

impl Candidate {
    /// Asks in the name of `identity`, which no other process may have. `client` may write without the Lease; all others have to
    /// keep to the fence.
    pub fn new(client: Client, lease: LeaseName, identity: String, fence: Fence) -> Self {
        Self { api: Api::namespaced(client, &lease.namespace), name: lease.name, identity, fence }
    }

    /// Waits until the Lease is held; `None` when `stop` comes first.
    pub async fn acquire(self, stop: &CancellationToken) -> Option<Held> {
        let mut watch = Watch::default();
        loop {
            let asked = Instant::now();
            match tokio::time::timeout(PATIENCE, self.attempt(&mut watch)).await {
                Ok(Ok(Some(lease))) => {
                    tracing::info!(lease = self.name, identity = self.identity, "this replica works now");
                    let mut held = Held { candidate: self, lease, renewed: asked };
                    held.renewed_at(asked);
                    return Some(held);
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, lease = self.name, "the Lease can't be asked for; trying on");
                }
                Err(_) => tracing::warn!(lease = self.name, "asking for the Lease took too long; trying on"),
            }
            stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await?;
        }
    }

    /// Takes the Lease if it is free.
    async fn attempt(&self, watch: &mut Watch) -> Result<Option<Lease>, kube::Error> {
        let there = self.api.get_opt(&self.name).await?;
        let result = match there {
            None => {
                self.api
                    .create(
                        &PostParams::default(),
                        &self.lease(
                            ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                            None,
                        ),
                    )
                    .await
            }
            Some(lease) if watch.is_free(lease.spec.as_ref(), &self.identity, Instant::now()) => {
                let next = self.lease(lease.metadata, lease.spec.as_ref());
                self.api.replace(&self.name, &PostParams::default(), &next).await
            }
            Some(_) => return Ok(None),
        };
        match result {
            // Another one was quicker.
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
            other => other.map(Some),
        }
    }

    fn lease(&self, metadata: ObjectMeta, before: Option<&LeaseSpec>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let transitions = before.map_or(0, |spec| spec.lease_transitions.unwrap_or(0).saturating_add(1));
        Lease {
            metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// What those who wait have seen of the Lease.
#[derive(Default)]
struct Watch(Option<(Option<String>, Option<MicroTime>, Instant)>);

impl Watch {
    /// Whether the Lease can be taken: nobody's, one's own, or not renewed for its duration.
    fn is_free(&mut self, spec: Option<&LeaseSpec>, identity: &str, now: Instant) -> bool {
        let holder = spec.and_then(|spec| spec.holder_identity.clone()).filter(|holder| !holder.is_empty());
        if holder.as_deref().is_none_or(|holder| holder == identity) {
            return true;
        }
        let renewed = spec.and_then(|spec| spec.renew_time.clone());
        let since = match &self.0 {
            Some((seen, at, since)) if *seen == holder && *at == renewed => *since,
            _ => now,
        };
        self.0 = Some((holder, renewed, since));
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|s| u64::try_from(s).ok());
        now.duration_since(since) > seconds.map_or(DURATION, Duration::from_secs)
    }
}

impl Held {
    /// Renews the Lease until it is lost; ends then, or never.
    pub async fn keep(&mut self) {
        loop {
            tokio::time::sleep(PERIOD).await;
            // Others count from when the API server took it, which may have been as soon as it was asked.
            let asked = Instant::now();
            let left = DEADLINE.saturating_sub(self.renewed.elapsed());
            match tokio::time::timeout(PATIENCE.min(left), self.renew()).await {
                Ok(Ok(())) => self.renewed_at(asked),
                // It is somebody else's, or gone.
                Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_not_found() => return,
                Ok(Err(error)) => tracing::warn!(%error, "the Lease can't be renewed; trying on"),
                Err(_) => tracing::warn!("renewing the Lease took too long; trying on"),
            }
            if self.renewed.elapsed() >= DEADLINE {
                return;
            }
        }
    }

    fn renewed_at(&mut self, asked: Instant) {
        self.renewed = asked;
        self.candidate.fence.open_until(asked + DEADLINE);
    }

    async fn renew(&mut self) -> Result<(), kube::Error> {
        self.change(|spec| spec.renew_time = Some(MicroTime(Timestamp::now()))).await
    }

    /// Gives the Lease back, so that the next one needn't wait until it expires.
    pub async fn release(mut self) {
        self.candidate.fence.close();
        match tokio::time::timeout(PATIENCE, self.change(|spec| spec.holder_identity = None)).await {
            Ok(Ok(())) => {}
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() => {
                tracing::warn!("the Lease wasn't given back: it is somebody else's by now");
            }
            Ok(Err(error)) => tracing::warn!(%error, "the Lease wasn't given back; it expires"),
            Err(_) => tracing::warn!("giving the Lease back took too long; it expires"),
        }
    }

    /// Changes what the Lease says, as long as it says that it is held here. It may be another version than the one last heard
    /// of: a renewal whose answer nobody waited for may have been taken, and anybody may have labelled it.
    async fn change(&mut self, change: impl Fn(&mut LeaseSpec)) -> Result<(), kube::Error> {
        let Candidate { api, name, identity, .. } = &self.candidate;
        loop {
            let mut next = self.lease.clone();
            change(next.spec.get_or_insert_default());
            let refusal = match api.replace(name, &PostParams::default(), &next).await {
                Ok(lease) => {
                    self.lease = lease;
                    return Ok(());
                }
                Err(kube::Error::Api(status)) if status.is_conflict() => status,
                Err(error) => return Err(error),
            };
            let there = api.get(name).await?;
            let holder = there.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref());
            if holder != Some(identity) {
                return Err(kube::Error::Api(refusal));
            }
            self.lease = there;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str, second: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some(MicroTime(Timestamp::from_second(second).unwrap())),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_of_nobody_or_of_oneself_is_free() {
        let now = Instant::now();
        assert!(Watch::default().is_free(None, "me", now));
        assert!(Watch::default().is_free(Some(&held_by("", 0)), "me", now));
        assert!(Watch::default().is_free(Some(&held_by("me", 0)), "me", now));
        assert!(!Watch::default().is_free(Some(&held_by("other", 0)), "me", now));
    }

    #[test]
    fn a_lease_is_free_when_it_was_not_renewed_for_its_duration_whatever_its_holders_clock_says() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!watch.is_free(Some(&held_by("other", 0)), "me", at(0)), "first seen");
        assert!(!watch.is_free(Some(&held_by("other", 0)), "me", at(14)));
        assert!(!watch.is_free(Some(&held_by("other", 1)), "me", at(15)), "renewed");
        assert!(!watch.is_free(Some(&held_by("other", 1)), "me", at(30)));
        assert!(watch.is_free(Some(&held_by("other", 1)), "me", at(31)));
        assert!(!watch.is_free(Some(&held_by("third", 1)), "me", at(32)), "another one took it");
    }

    #[test]
    fn the_name_says_where_the_lease_lies() {
        assert!("tracklore-system/tracklore-operator".parse::<LeaseName>().is_ok());
        for bad in ["", "name", "/name", "namespace/", "a/b/c"] {
            assert!(bad.parse::<LeaseName>().is_err(), "{bad}");
        }
    }
}
