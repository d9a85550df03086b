//! Settings.

pub mod change;
pub mod read;
