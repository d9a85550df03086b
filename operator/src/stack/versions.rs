//! Which images belong to which version of Tracklore, which version may follow which, and how a mirror changes images' names.

use semver::Version;

use crate::api::v1alpha1::{Images, ReplaceableImage};

use super::component::{PerService, Service};

/// What one version of Tracklore is made of.
struct Release {
    version: &'static str,
    postgres: &'static str,
    /// The same Postgres as CloudNativePG runs it.
    cloud_native_pg: &'static str,
    kafka: &'static str,
    redis: &'static str,
    traefik: &'static str,
}

/// Where the images of Tracklore itself are published.
const OWN: &str = "ghcr.io/tracklore";

/// All versions that this operator can run, oldest first.
const RELEASES: &[Release] = &[Release {
    version: "0.1.0",
    postgres: "docker.io/library/postgres:17.11",
    cloud_native_pg: "ghcr.io/cloudnative-pg/postgresql:17.11-minimal-trixie",
    kafka: "docker.io/apache/kafka:4.3.1",
    redis: "docker.io/valkey/valkey:8.1.1",
    traefik: "docker.io/library/traefik:v3.7.9",
}];

/// The images of a stack, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// Postgres, with psql.
    pub postgres: String,
    /// Postgres as CloudNativePG runs it.
    pub cloud_native_pg: String,
    /// Kafka, with its tools.
    pub kafka: String,
    /// Valkey.
    pub redis: String,
    /// Traefik.
    pub traefik: String,
    /// What moves backups.
    pub backup: String,
    /// The services.
    pub services: PerService<String>,
}

impl ImageSet {
    /// The images of `version`, or `None` when this operator doesn't know it.
    pub fn of(version: &str, images: &Images, chosen: impl Fn(Service) -> Option<String>) -> Option<Self> {
        let release = RELEASES.iter().find(|release| release.version == version)?;
        let dependency = |which: ReplaceableImage, image: &str| {
            let replaced = images.overrides.iter().find(|entry| entry.name == which);
            replaced.map_or_else(|| mirrored(image, images.registry.as_deref()), |entry| entry.image.clone())
        };
        Some(Self {
            postgres: dependency(ReplaceableImage::Postgres, release.postgres),
            cloud_native_pg: mirrored(release.cloud_native_pg, images.registry.as_deref()),
            kafka: dependency(ReplaceableImage::Kafka, release.kafka),
            redis: dependency(ReplaceableImage::Redis, release.redis),
            traefik: dependency(ReplaceableImage::Traefik, release.traefik),
            backup: dependency(ReplaceableImage::Backup, &own("backup", release)),
            services: PerService::from_fn(|service| {
                chosen(service)
                    .unwrap_or_else(|| mirrored(&own(service.as_str(), release), images.registry.as_deref()))
            }),
        })
    }
}

/// The versions that this operator knows, oldest first.
pub fn known() -> Vec<&'static str> {
    RELEASES.iter().map(|release| release.version).collect()
}

/// Why a version can't be run, where it can't: this operator doesn't know it, or it is too far from the one that `runs`.
pub fn refusal(asked: &str, runs: Option<&str>) -> Option<String> {
    let known = known();
    if !known.contains(&asked) {
        return Some(format!(
            "version {asked} isn't known to this operator; set spec.version to one of {}, or upgrade the operator",
            known.join(", ")
        ));
    }
    too_far(&known, asked, runs?)
}

/// Minor versions come one at a time, in both directions: a database serves the version before and the one after, and an event
/// is understood by them, but by no others. Versions of one minor version have the same database.
fn too_far(known: &[&str], asked: &str, runs: &str) -> Option<String> {
    let mut minors: Vec<_> = known.iter().filter_map(|version| minor(version)).collect();
    minors.dedup();
    let place = |version| minors.iter().position(|known| Some(*known) == minor(version));
    let to = place(asked)?;
    let Some(from) = place(runs) else {
        return Some(format!(
            "version {runs} runs, which this operator doesn't know, so it can't tell whether {asked} may follow; \
             bring the stack to {} with the operator that it came with",
            known.first()?
        ));
    };
    let between = if from.abs_diff(to) < 2 {
        return None;
    } else if from < to {
        from + 1
    } else {
        from - 1
    };
    let step = known.iter().rfind(|version| minor(version) == minors.get(between).copied())?;
    Some(format!(
        "version {asked} can't follow {runs} at once: minor versions come one at a time; set spec.version to {step}, \
         and to {asked} as soon as status.version is {step}"
    ))
}

fn minor(version: &str) -> Option<(u64, u64)> {
    let version = Version::parse(version).ok()?;
    Some((version.major, version.minor))
}

/// All images that a version needs, the operator's own among them: those of every known version when none is given.
pub fn images(version: Option<&str>) -> Vec<String> {
    let mut images = vec![format!("{OWN}/operator:{}", env!("CARGO_PKG_VERSION"))];
    for release in RELEASES.iter().filter(|release| version.is_none_or(|version| release.version == version))
    {
        images.extend(Service::ALL.map(|service| own(service.as_str(), release)));
        images.push(own("backup", release));
        let dependencies =
            [release.postgres, release.cloud_native_pg, release.kafka, release.redis, release.traefik];
        images.extend(dependencies.map(str::to_owned));
    }
    images.sort();
    images.dedup();
    images
}

fn own(program: &str, release: &Release) -> String {
    format!("{OWN}/{program}:{}", release.version)
}

/// Puts another registry host in front of an image's path.
pub fn mirrored(image: &str, registry: Option<&str>) -> String {
    match (registry, image.split_once('/')) {
        (Some(registry), Some((_, path))) => format!("{registry}/{path}"),
        _ => image.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_replaces_the_host_and_nothing_else() {
        let images = Images { registry: Some("mirror.example.org/cache".into()), ..Images::default() };
        let set = ImageSet::of("0.1.0", &images, |_| None).unwrap();
        assert_eq!(set.postgres, "mirror.example.org/cache/library/postgres:17.11");
        assert_eq!(set.services.feed, "mirror.example.org/cache/tracklore/feed:0.1.0");
    }

    #[test]
    fn the_list_for_a_mirror_has_every_image_that_a_stack_asks_for() {
        let set = ImageSet::of("0.1.0", &Images::default(), |_| None).unwrap();
        let list = images(Some("0.1.0"));
        assert_eq!(list.len(), 11);
        let dependencies =
            [&set.postgres, &set.cloud_native_pg, &set.kafka, &set.redis, &set.traefik, &set.backup];
        for image in dependencies.into_iter().chain([&set.services.auth]) {
            assert!(list.contains(image), "{image}");
        }
        assert_eq!(images(None), list);
    }

    #[test]
    fn minor_versions_come_one_at_a_time_in_both_directions() {
        let known = ["0.1.0", "0.2.0", "0.2.1", "0.3.0", "1.0.0"];
        let refused = |asked, runs| too_far(&known, asked, runs);
        for (asked, runs) in [
            ("0.2.1", "0.1.0"),
            ("0.2.0", "0.2.1"),
            ("0.3.0", "0.2.0"),
            ("1.0.0", "0.3.0"),
            ("0.1.0", "0.2.1"),
        ] {
            assert_eq!(refused(asked, runs), None, "{asked} after {runs}");
        }
        assert_eq!(
            refused("1.0.0", "0.1.0").unwrap(),
            "version 1.0.0 can't follow 0.1.0 at once: minor versions come one at a time; set spec.version to 0.2.1, \
             and to 1.0.0 as soon as status.version is 0.2.1"
        );
        assert!(refused("0.1.0", "0.3.0").unwrap().contains("set spec.version to 0.2.1, and to 0.1.0"));
        // what was built between releases stands beside the release
        assert_eq!(refused("0.3.0", "0.2.0-next.1"), None);
        assert!(refused("0.1.0", "0.0.9").unwrap().contains("bring the stack to 0.1.0 with the operator"));
    }

    #[test]
    fn the_table_of_versions_is_in_their_order() {
        let versions: Vec<_> =
            RELEASES.iter().map(|release| Version::parse(release.version).unwrap()).collect();
        assert!(versions.is_sorted());
    }

    #[test]
    fn an_unknown_version_has_no_images() {
        assert!(ImageSet::of("9.9.9", &Images::default(), |_| None).is_none());
    }
}
