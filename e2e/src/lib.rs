//! What the end-to-end tests share: stacks in namespaces of their own on the kind cluster, and people who use them.
//!
//! `make test-e2e` brings the cluster up, installs the operator and sets `TRACKLORE_IMAGE_…` to the images built from
//! the working tree. Namespaces carry the label `tracklore.io/test`; those of a failed run stay to be looked at, until
//! the next run removes them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests fail loudly"
)]

pub mod apiserver;
pub mod audit;
mod authority;
pub mod bucket;
pub mod certificates;
mod crowd;
pub mod gateways;
pub mod ledger;
mod person;
pub mod plugin;
pub mod servers;
pub mod shell;
mod stack;
pub mod strimzi;

pub use crowd::Crowd;
pub use person::Person;
pub use stack::{COMPONENTS, TestStack, condition, is_ready};
