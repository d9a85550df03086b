//! How a version comes: databases grow, services roll from those that read events to those that write them, and what only older
//! versions use goes when nobody wants to go back. Pure: what ran since when is remembered in the status.

use std::{cmp::Ordering, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use semver::Version;

use super::{
    component::Service,
    observed::{Observed, Workload},
    validate::ValidStack,
};
use crate::api::v1alpha1::{Contract, ContractPolicy, ServedImage, TrackloreStackStatus};

/// What has run of a stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The images that services were last rolled out with completely.
    pub images: BTreeMap<Service, String>,
    /// Whether what the spec asks for has served as long as it has to before it is final.
    pub soaked: bool,
    /// Whether the spec asks for a later version than the one that ran, or for an earlier one.
    pub direction: Option<Ordering>,
}

/// What the status remembers, as of now.
pub fn history(stack: &ValidStack, status: Option<&TrackloreStackStatus>, now: Timestamp) -> History {
    let Some(status) = status else { return History::default() };
    let image = |service: Service| Some((service, served(status, service)?.image.clone()));
    History {
        images: Service::ALL.into_iter().filter_map(image).collect(),
        soaked: soaked_at(stack, status).is_some_and(|at| at <= now),
        direction: status.version.as_ref().and_then(|ran| compare(&stack.version, ran)),
    }
}

fn served(status: &TrackloreStackStatus, service: Service) -> Option<&ServedImage> {
    status.services.iter().find(|served| served.name == service.as_str())
}

fn compare(asked: &str, ran: &str) -> Option<Ordering> {
    Some(Version::parse(asked).ok()?.cmp(&Version::parse(ran).ok()?))
}

/// When all that the spec asks for will have served long enough, if all of it serves.
fn soaked_at(stack: &ValidStack, status: &TrackloreStackStatus) -> Option<Timestamp> {
    let Contract { policy: ContractPolicy::AfterSoak, soak } = &stack.contract else { return None };
    if stack.suspended {
        return None;
    }
    let since = Service::ALL.into_iter().map(|service| {
        let served =
            served(status, service).filter(|served| served.image == *stack.images.services.get(service));
        served.map(|served| served.since.0)
    });
    let last = since.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    last.checked_add(soak.parse::<SignedDuration>().ok()?).ok()
}

/// How long until something is to be done; none where nothing is.
pub fn wait(stack: &ValidStack, status: &TrackloreStackStatus, now: Timestamp) -> Option<SignedDuration> {
    soaked_at(stack, status).map(|at| at.duration_since(now)).filter(SignedDuration::is_positive)
}

/// What is to be remembered of a service that was `seen` so.
pub fn remember(
    stack: &ValidStack,
    status: Option<&TrackloreStackStatus>,
    service: Service,
    seen: Option<&Workload>,
    now: Timestamp,
) -> Option<ServedImage> {
    let before = status.and_then(|status| served(status, service));
    let image = stack.images.services.get(service);
    let arrived = seen.is_some_and(|workload| workload.runs(image));
    // No pod of a suspended stack has shown that it serves.
    if stack.suspended || !arrived || before.is_some_and(|before| before.image == *image) {
        return before.cloned();
    }
    Some(ServedImage { name: service.as_str().to_owned(), image: image.clone(), since: Time(now) })
}

/// Whether the Deployment of a service is to get another image.
fn changes(stack: &ValidStack, observed: &Observed, service: Service) -> bool {
    let workload = observed.service(&stack.names, service);
    let runs = workload.and_then(|workload| workload.image.as_ref());
    runs.is_some_and(|image| image != stack.images.services.get(service))
}

/// Whether the new image of a service has to wait for its turn: until all databases have grown, and those that read what the
/// service says understand what the new one may say. On the way back to an earlier version, until nobody says any more what the
/// older one doesn't understand.
pub fn is_queued(stack: &ValidStack, observed: &Observed, grown: bool, service: Service) -> bool {
    let is_on_its_way = |other: Service| {
        let workload = observed.service(&stack.names, other);
        workload.is_some_and(|workload| !workload.rolled_out) || changes(stack, observed, other)
    };
    let back = observed.history.direction == Some(Ordering::Less);
    let mut before =
        Service::ALL.into_iter().filter(|other| if back { *other < service } else { *other > service });
    changes(stack, observed, service) && (!grown || before.any(is_on_its_way))
}

/// Taking away what only older versions use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shrinking<'a> {
    /// The image that knows what that is.
    pub image: &'a str,
    /// Whether it is time.
    pub is_due: bool,
    /// Whether the next version waits for it.
    pub comes_first: bool,
}

/// What is to become of what only older versions of a service use.
pub fn shrinking<'a>(stack: &'a ValidStack, observed: &'a Observed, service: Service) -> Shrinking<'a> {
    let asked = stack.images.services.get(service);
    let History { images, soaked, direction } = &observed.history;
    let runs_only =
        |image: &str| observed.service(&stack.names, service).is_some_and(|workload| workload.runs(image));
    match stack.contract.policy {
        ContractPolicy::AfterSoak => {
            Shrinking { image: asked, is_due: *soaked && runs_only(asked), comes_first: false }
        }
        ContractPolicy::BeforeNextUpgrade => {
            let is_upgrade = *direction == Some(Ordering::Greater);
            match images.get(&service).filter(|runs| is_upgrade && *runs != asked && runs_only(runs)) {
                Some(runs) => Shrinking { image: runs, is_due: true, comes_first: true },
                None => Shrinking { image: asked, is_due: false, comes_first: false },
            }
        }
    }
}
