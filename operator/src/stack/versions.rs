//! Which images belong to which version of Tracklore, and how a mirror changes their names.

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

/// The versions this operator knows, for messages.
pub fn known() -> String {
    RELEASES.iter().map(|release| release.version).collect::<Vec<_>>().join(", ")
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

/// Whether this operator can run a version.
pub fn is_known(version: &str) -> bool {
    RELEASES.iter().any(|release| release.version == version)
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
    fn an_unknown_version_has_no_images() {
        assert!(ImageSet::of("9.9.9", &Images::default(), |_| None).is_none());
    }
}
