//! Another version: databases grow, services roll one after the other, what only older ones use goes.

use super::*;
use crate::{
    api::v1alpha1::{Contract, ContractPolicy, ServedImage, TrackloreStackStatus},
    stack::rollout::{self, History},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

const MOMENT: i64 = 1_790_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(MOMENT + second).unwrap()
}

/// The stack of a version, whose services have images of that version.
fn version(version: &str) -> ValidStack {
    let mut stack = fixtures::valid();
    stack.version = version.into();
    for (image, service) in [
        (&mut stack.images.services.auth, "auth"),
        (&mut stack.images.services.user, "user"),
        (&mut stack.images.services.posts, "posts"),
        (&mut stack.images.services.feed, "feed"),
    ] {
        *image = format!("example.org/{service}:{version}");
    }
    stack
}

fn deployment(service: Service) -> String {
    format!("demo-{}", service.as_str())
}

/// The services whose Deployments are applied.
fn applied(plan: &Plan) -> Vec<Service> {
    let is_applied = |service: &Service| {
        let id = ChildId { kind: Kind::Deployment, name: deployment(*service) };
        plan.children.iter().any(|child| child.id() == id)
    };
    Service::ALL.into_iter().filter(is_applied).collect()
}

/// The purposes of the Jobs that are made for databases of services.
fn jobs(plan: &Plan) -> Vec<String> {
    let jobs = plan.children.iter().filter_map(|child| match child {
        Child::Job(job) => job.metadata.labels.as_ref()?.get("app.kubernetes.io/name").cloned(),
        _ => None,
    });
    jobs.filter(|purpose| purpose.ends_with("-migrate") || purpose.ends_with("-contract")).collect()
}

fn start_rolling(observed: &mut Observed, stack: &ValidStack, service: Service) {
    let workload = observed.deployments.get_mut(&deployment(service)).unwrap();
    workload.image = Some(stack.images.services.get(service).clone());
    workload.rolled_out = false;
}

/// What the status says of a stack whose services have all served since a moment.
fn served_since(stack: &ValidStack, second: i64) -> TrackloreStackStatus {
    let served = |service: Service| ServedImage {
        name: service.as_str().into(),
        image: stack.images.services.get(service).clone(),
        since: Time(at(second)),
    };
    TrackloreStackStatus {
        version: Some(stack.version.clone()),
        services: Service::ALL.map(served).into(),
        ..TrackloreStackStatus::default()
    }
}

#[test]
fn services_roll_after_all_databases_have_grown_and_each_after_those_that_read_its_events() {
    let (old, new) = (version("1.0.0"), version("1.1.0"));
    let mut observed = fixtures::serving(&old);
    let first = plan(&new, &observed, &[]);
    assert_eq!(jobs(&first), ["auth-migrate", "user-migrate", "posts-migrate"]);
    assert_eq!(applied(&first), []);
    fixtures::complete_jobs(&new, &mut observed);
    for service in [Service::Feed, Service::Posts, Service::User, Service::Auth] {
        let next = plan(&new, &observed, &[]);
        assert!(applied(&next).contains(&service), "{service:?} comes next");
        let writers: Vec<_> = Service::ALL.into_iter().filter(|other| *other < service).collect();
        assert_eq!(next.queued, writers, "those that {service:?} reads of wait");

        start_rolling(&mut observed, &new, service);
        assert_eq!(plan(&new, &observed, &[]).queued, writers, "until all its pods are there");
        observed.deployments.get_mut(&deployment(service)).unwrap().rolled_out = true;
    }
    let last = plan(&new, &observed, &[]);
    assert_eq!((applied(&last), last.queued), (Service::ALL.to_vec(), vec![]));
}

#[test]
fn on_the_way_back_those_that_write_events_go_first() {
    let (old, new) = (version("1.0.0"), version("1.1.0"));
    let mut observed = fixtures::serving(&new);
    observed.history = rollout::history(&old, Some(&served_since(&new, 0)), at(1));
    fixtures::complete_jobs(&old, &mut observed);
    for service in Service::ALL {
        assert!(!plan(&old, &observed, &[]).queued.contains(&service), "{service:?} comes next");
        start_rolling(&mut observed, &old, service);
        let readers: Vec<_> = Service::ALL.into_iter().filter(|other| *other > service).collect();
        assert_eq!(plan(&old, &observed, &[]).queued, readers, "those that read of {service:?} wait");
        observed.deployments.get_mut(&deployment(service)).unwrap().rolled_out = true;
    }
}

#[test]
fn who_goes_back_waits_until_nothing_takes_away_what_is_needed_there() {
    let (old, new) = (version("1.0.0"), version("1.1.0"));
    let mut observed = fixtures::serving(&new);
    observed.history.soaked = true;
    let due = plan(&new, &observed, &[]);
    let running = fixtures::find(&due.children, Kind::Job, "demo-posts-contract").id();
    observed.history = History::default();
    for (owner, state) in [(Owner::Us, Some(JobState::Running { failures: 0 })), (Owner::Leaving, None)] {
        observed.seen.insert(running.clone(), Seen { owner, ..fixtures::ours() });
        observed.jobs.remove(&running.name);
        observed.jobs.extend(state.map(|state| (running.name.clone(), state)));
        assert_eq!(jobs(&plan(&old, &observed, &[])), ["auth-migrate", "user-migrate"], "{owner:?}");
    }
    observed.seen.remove(&running);
    assert_eq!(jobs(&plan(&old, &observed, &[])), ["auth-migrate", "user-migrate", "posts-migrate"]);
}

#[test]
fn a_suspended_stack_stops_whatever_its_next_version_waits_for_and_time_does_not_count_for_it() {
    let (old, mut new) = (version("1.0.0"), version("1.1.0"));
    let observed = fixtures::serving(&old);
    new.suspended = true;
    assert_eq!(applied(&plan(&new, &observed, &[])), Service::ALL);
    let arrived = fixtures::serving(&new);
    let seen = arrived.deployments.get("demo-auth");
    let status = served_since(&old, 0);
    let remembered = rollout::remember(&new, Some(&status), Service::Auth, seen, at(7)).unwrap();
    assert_eq!(remembered.image, old.images.services.auth);
    let long_after = at(1000 * 24 * 3600);
    assert!(!rollout::history(&new, Some(&served_since(&new, 0)), long_after).soaked);
}

#[test]
fn one_migration_that_fails_keeps_all_services_as_they_are() {
    let (old, new) = (version("1.0.0"), version("1.1.0"));
    let mut observed = fixtures::serving(&old);
    fixtures::complete_jobs(&new, &mut observed);
    let names: Vec<_> =
        observed.jobs.keys().filter(|job| job.starts_with("demo-user-migrate")).cloned().collect();
    for job in names {
        observed.jobs.insert(job, JobState::Failed);
    }
    let held = plan(&new, &observed, &[]);
    assert_eq!(applied(&held), []);
    assert_eq!(
        (held.held, held.queued),
        (vec![Service::User], vec![Service::Auth, Service::Posts, Service::Feed])
    );
}

#[test]
fn what_changes_no_image_waits_for_nobody() {
    let stack = version("1.0.0");
    let mut observed = fixtures::serving(&stack);
    observed.deployments.get_mut("demo-feed").unwrap().rolled_out = false;
    assert_eq!(applied(&plan(&stack, &observed, &[])), Service::ALL);
    let mut unnamed = observed.clone();
    unnamed.deployments.values_mut().for_each(|workload| workload.image = None);
    assert_eq!(applied(&plan(&stack, &unnamed, &[])), Service::ALL, "Deployments of an older operator");
}

#[test]
fn what_only_older_versions_use_goes_once_when_the_new_one_has_served_long_enough() {
    let stack = version("1.1.0");
    let mut observed = fixtures::serving(&stack);
    let remembered = plan(&stack, &observed, &[]).completed;
    let status = served_since(&stack, 0);
    let day = 24 * 3600;
    let history = |second: i64| rollout::history(&stack, Some(&status), at(second));
    assert!(!history(day - 1).soaked);
    assert_eq!(rollout::wait(&stack, &status, at(1)), Some(SignedDuration::from_secs(day - 1)));
    assert!(history(day).soaked);
    assert_eq!(rollout::wait(&stack, &status, at(day)), None, "nothing is waited for any more");

    assert_eq!(jobs(&plan(&stack, &observed, &remembered)), Vec::<String>::new());
    observed.history = history(day);
    let due = plan(&stack, &observed, &remembered);
    assert_eq!(jobs(&due), ["auth-contract", "user-contract", "posts-contract"]);
    golden!("job-posts-contract", fixtures::find(&due.children, Kind::Job, "demo-posts-contract"));

    observed.deployments.get_mut("demo-posts").unwrap().rolled_out = false;
    let rolling = plan(&stack, &observed, &remembered);
    assert_eq!(jobs(&rolling), ["auth-contract", "user-contract"], "older pods of posts may be there");
    observed.deployments.get_mut("demo-posts").unwrap().rolled_out = true;

    fixtures::complete_jobs(&stack, &mut observed);
    let done = plan(&stack, &observed, &remembered).completed;
    observed.jobs.clear();
    assert_eq!(jobs(&plan(&stack, &observed, &done)), Vec::<String>::new(), "once");
}

#[test]
fn time_begins_anew_with_every_image() {
    let (old, new) = (version("1.0.0"), version("1.1.0"));
    let status = served_since(&old, 0);
    assert!(!rollout::history(&new, Some(&status), at(10 * 24 * 3600)).soaked);
    let mut mixed = served_since(&new, 0);
    mixed.services[0].since = Time(at(100));
    let soaked = |second: i64| rollout::history(&new, Some(&mixed), at(24 * 3600 + second)).soaked;
    assert_eq!((soaked(99), soaked(100)), (false, true), "the last one counts");

    let observed = fixtures::serving(&new);
    let seen = |service: Service| observed.deployments.get(&deployment(service));
    let remember = |service| rollout::remember(&new, Some(&status), service, seen(service), at(7)).unwrap();
    assert_eq!(
        (remember(Service::Auth).since.0, remember(Service::Auth).image),
        (at(7), new.images.services.auth.clone())
    );
    let again = rollout::remember(&old, Some(&status), Service::Auth, seen(Service::Auth), at(7)).unwrap();
    assert_eq!(again.since.0, at(0), "it isn't what is asked for: what was known stays");
}

#[test]
fn before_the_next_upgrade_the_version_that_runs_takes_away_what_it_no_longer_needs_and_never_when_one_goes_back()
 {
    let contract = Contract { policy: ContractPolicy::BeforeNextUpgrade, ..Contract::default() };
    let policy = |stack: ValidStack| ValidStack { contract: contract.clone(), ..stack };
    let (old, new) = (policy(version("1.0.0")), policy(version("1.1.0")));
    let long_after = at(1000 * 24 * 3600);
    let status = served_since(&old, 0);
    let mut observed = fixtures::serving(&old);
    let remembered = plan(&old, &observed, &[]).completed;
    observed.history = rollout::history(&old, Some(&status), long_after);
    assert_eq!(jobs(&plan(&old, &observed, &remembered)), Vec::<String>::new());

    observed.history = rollout::history(&new, Some(&status), long_after);
    let shrinking = plan(&new, &observed, &remembered);
    assert_eq!(
        jobs(&shrinking),
        ["auth-contract", "user-contract", "posts-contract"],
        "before it grows again"
    );
    let job = fixtures::find(&shrinking.children, Kind::Job, "demo-posts-contract");
    let Child::Job(job) = job else { unreachable!() };
    let pod = job.spec.unwrap().template.spec.unwrap();
    assert_eq!(
        pod.containers[0].image.as_deref(),
        Some("example.org/posts:1.0.0"),
        "the one that runs knows what"
    );
    fixtures::complete_jobs(&new, &mut observed);
    assert_eq!(jobs(&plan(&new, &observed, &remembered)), ["auth-migrate", "user-migrate", "posts-migrate"]);

    let newer = served_since(&new, 0);
    let mut back = fixtures::serving(&new);
    back.history = rollout::history(&old, Some(&newer), long_after);
    assert_eq!(jobs(&plan(&old, &back, &[])), ["auth-migrate", "user-migrate", "posts-migrate"]);
}
