//! Goals.

pub mod change;
pub mod create;
pub mod delete;
pub mod list_own;
pub mod list_public;
pub mod read;
