//! What the other services ask.

pub mod batch;
pub mod following;
