//! The operator's outward promises: its CRD, and what its gateway does with requests in a real Traefik.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod crd;
mod gateway;
mod https;
mod traefik;
