//! Profiles.

pub mod change_own;
pub mod find;
pub mod read;
pub mod read_own;
