//! The catalogue of badges.

pub mod change;
pub mod create;
pub mod delete;
pub mod list;
pub mod read;
