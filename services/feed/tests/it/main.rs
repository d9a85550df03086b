//! The feed against real servers: its functions inside Redis, its events from Kafka, its neighbours as processes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod dead_letters;
mod events;
mod filling;
mod fills;
mod fitness;
mod front;
mod functions;
mod healing;
mod home;
mod laws;
mod ledger;
mod live;
mod model;
mod neighbour;
mod restored;
mod service;
mod telemetry;
mod tokens;
mod told;
mod traces;
mod whole_path;
mod ws;
