//! Stacks that change at random: whatever was asked for before, what is there in the end is what a new stack of the last spec has,
//! and then nothing is written any more.
//!
//! `SEED` plays the changes of one round again; a round that fails tells its own.

use futures::{StreamExt, stream};
use kube::api::DeleteParams;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tracklore_operator::api::v1alpha1::TrackloreStack;

use crate::{
    crashes::assert_nothing_made_twice,
    faults::Faults,
    rounds::{BESIDE, chosen},
    spaces::{NAME, Space, spec},
};

/// How many rounds are played in every change, and in a campaign.
const FEW: usize = 3;
const MANY: u64 = 100;
/// How often a stack changes in a round.
const CHANGES: usize = 4;
const SERVICES: [&str; 4] = ["auth", "user", "posts", "feed"];

/// A valid spec. How many pods `autoscaled` has is nobody's to say here: it has one, or as many as an autoscaler says.
fn random(chance: &mut StdRng, autoscaled: &str) -> Value {
    let mut spec = spec();
    for service in SERVICES {
        let mut settings = json!({});
        if service == autoscaled && chance.random_bool(0.5) {
            settings["autoscaling"] = json!({"minReplicas": 1, "maxReplicas": chance.random_range(2..9)});
        } else if service != autoscaled {
            settings["replicas"] = json!(chance.random_range(1..4));
        }
        if chance.random_bool(0.3) {
            settings["env"] =
                json!([{"name": "TRACKLORE_LOG", "value": *["info", "debug"].choose(chance).unwrap()}]);
        }
        if chance.random_bool(0.3) {
            settings["resources"] =
                json!({"limits": {"memory": format!("{}Mi", chance.random_range(100..300))}});
        }
        if chance.random_bool(0.3) {
            settings["scheduling"] = json!({"nodeSelector": {"disk": "ssd"}});
        }
        spec["services"][service] = settings;
    }
    spec["gateway"] = match chance.random_range(0..4) {
        0 => json!({}),
        1 => json!({"ingress": {"className": *["nginx", "haproxy"].choose(chance).unwrap()}}),
        2 => json!({"traefik": {"replicas": 2, "rateLimit": {"perUser": chance.random_range(10..1000)}}}),
        _ => json!({"traefik": {"replicas": 1}}),
    };
    for dependency in ["postgres", "kafka", "redis"] {
        if chance.random_bool(0.3) {
            spec[dependency]["managed"]["resources"] =
                json!({"requests": {"cpu": format!("{}m", chance.random_range(20..90))}});
        }
    }
    if chance.random_bool(0.4) {
        let retention = format!("{}d", chance.random_range(1..30));
        spec["kafka"]["topics"] = json!([{"name": "posts-events", "retention": retention}]);
    }
    if chance.random_bool(0.3) {
        spec["redis"]["managed"]["maxMemory"] = json!(format!("{}Mi", chance.random_range(64..512)));
    }
    if chance.random_bool(0.3) {
        spec["images"] = json!({"registry": "mirror.example.org", "pullSecrets": [{"name": "mirror"}]});
    }
    if chance.random_bool(0.3) {
        spec["mail"] = json!({"smtp": {"host": "mail.example.org", "from": "no-reply@example.org"}});
    }
    if chance.random_bool(0.3) {
        spec["observability"] = json!({"tracing": {"endpoint": "http://collector.monitoring.svc:4318"}});
    }
    spec["auth"]["accessTokenTtl"] = json!(format!("{}m", chance.random_range(1..60)));
    spec["security"] = json!({"networkPolicy": *["Enforced", "Disabled"].choose(chance).unwrap()});
    spec["deletionPolicy"] = json!(*["Retain", "Delete"].choose(chance).unwrap());
    spec["suspended"] = json!(chance.random_bool(0.2));
    spec
}

#[tokio::test]
async fn a_stack_that_changes_at_random_ends_as_a_new_one_of_its_last_spec() {
    let seeds = match std::env::var("SEED").ok() {
        Some(seed) => vec![seed.parse().unwrap()],
        None => chosen((0..MANY).map(|_| rand::random::<u32>()).collect(), FEW),
    };
    println!("{} rounds, by their seeds: {seeds:?}", seeds.len());
    stream::iter(seeds).for_each_concurrent(BESIDE, round).await;
}

async fn round(seed: u32) {
    let mut chance = StdRng::seed_from_u64(seed.into());
    let autoscaled = SERVICES.choose(&mut chance).unwrap();
    let mut specs: Vec<_> = (0..CHANGES).map(|_| random(&mut chance, autoscaled)).collect();
    // What goes on while nobody is served is another picture.
    if let Some(last) = specs.last_mut() {
        last["suspended"] = json!(false);
    }

    let changed = Space::new("random").await;
    for spec in &specs {
        changed.apply(spec).await;
        // Sometimes the next change comes in the midst of the one before.
        let faults = if chance.random_bool(0.5) {
            Faults::death_after(chance.random_range(1..40))
        } else {
            Faults::none()
        };
        changed.settle_or_die(faults).await;
    }
    let (picture, _) = changed.settle(Faults::none()).await;

    let fresh = Space::new("random-fresh").await;
    fresh.apply(&specs[CHANGES - 1]).await;
    let (expected, _) = fresh.settle(Faults::none()).await;
    assert_nothing_made_twice(&fresh);
    let told = serde_json::to_string(&specs).unwrap();
    picture.without_jobs().assert_like(&expected.without_jobs(), &format!("SEED={seed} {told}"));
    for space in [changed, fresh] {
        space.api::<TrackloreStack>().delete(NAME, &DeleteParams::default()).await.unwrap();
    }
}
