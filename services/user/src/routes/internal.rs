//! What the other services ask.

pub mod batch;
