//! The operator at a real API server without nodes: its pods are only said to run, so that it can be killed after each of its
//! writes, refused, and given one spec after another, in seconds.
//!
//! `e2e/scripts/apiserver.sh` starts what it needs. How many rounds are played is said by `ROUNDS`, and `all` plays every one.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail loudly")]

mod crashes;
mod failures;
mod faults;
mod kubelet;
mod leases;
mod operator;
mod picture;
mod rounds;
mod server;
mod settle;
mod spaces;
mod specs;
mod storage;
