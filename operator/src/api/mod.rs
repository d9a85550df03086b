//! The Kubernetes API of Tracklore, one module per version.

pub mod cloud_native_pg;
pub mod http_route;
pub mod strimzi;
pub mod v1alpha1;
