//! The certificate by which a server of the stack is known: how its pods get at it, to read it again whenever it is renewed.

use k8s_openapi::api::core::v1::{Volume, VolumeMount};

use super::{pod, secrets};
use crate::stack::{component::Component, validate::ValidStack};

/// Where `tls.crt` and `tls.key` are.
pub const FOLDER: &str = "/var/run/tracklore/certificate";
/// The name of their volume.
pub const VOLUME: &str = "certificate";

/// What brings them there.
pub fn mount() -> VolumeMount {
    pod::read_only(VOLUME, FOLDER)
}

/// The files.
pub fn volume(stack: &ValidStack, component: Component) -> Volume {
    pod::secret_volume(VOLUME, &secrets::server(&stack.names, component))
}
