//! The Kubernetes API of Tracklore, one module per version.

pub mod v1alpha1;
