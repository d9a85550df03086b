//! Which images belong to which version of Tracklore, and how a mirror changes their names.

use crate::api::v1alpha1::{Images, ReplaceableImage};

use super::component::{PerService, Service};

/// What one version of Tracklore is made of.
struct Release {
    version: &'static str,
    postgres: &'static str,
    kafka: &'static str,
    redis: &'static str,
    traefik: &'static str,
}

/// All versions that this operator can run, oldest first.
const RELEASES: &[Release] = &[Release {
    version: "0.1.0",
    postgres: "docker.io/library/postgres:17.11",
    kafka: "docker.io/apache/kafka:4.3.1",
    redis: "docker.io/valkey/valkey:8.1.1",
    traefik: "docker.io/library/traefik:v3.7.9",
}];

/// The images of a stack, complete.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// Postgres, with psql.
    pub postgres: String,
    /// Kafka, with its tools.
    pub kafka: String,
    /// Valkey.
    pub redis: String,
    /// Traefik.
    pub traefik: String,
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
            kafka: dependency(ReplaceableImage::Kafka, release.kafka),
            redis: dependency(ReplaceableImage::Redis, release.redis),
            traefik: dependency(ReplaceableImage::Traefik, release.traefik),
            services: PerService::from_fn(|service| {
                chosen(service).unwrap_or_else(|| {
                    let image = format!("ghcr.io/tracklore/{}:{}", service.as_str(), release.version);
                    mirrored(&image, images.registry.as_deref())
                })
            }),
        })
    }
}

/// The versions this operator knows, for messages.
pub fn known() -> String {
    RELEASES.iter().map(|release| release.version).collect::<Vec<_>>().join(", ")
}

/// Puts another registry host in front of an image's path.
fn mirrored(image: &str, registry: Option<&str>) -> String {
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
    fn an_unknown_version_has_no_images() {
        assert!(ImageSet::of("9.9.9", &Images::default(), |_| None).is_none());
    }
}
