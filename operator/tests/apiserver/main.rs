//! The operator at a real API server without nodes: its pods are only said to run, so that it can be killed after each of its
//! writes, in seconds.
//!
//! `e2e/scripts/apiserver.sh` starts what it needs. How many rounds are played is said by `ROUNDS`, and `all` plays every one.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail loudly")]

mod certificates;
mod crashes;
mod delegated;
mod failures;
mod faults;
mod foreign;
mod leases;
mod operator;
mod outages;
mod picture;
mod presence;
mod quotas;
mod random;
mod replica;
mod restores;
mod rotations;
mod rounds;
mod rules;
mod server;
mod settle;
mod spaces;
mod telemetry;
