//! Blocks.

pub mod block;
pub mod list;
pub mod read;
pub mod unblock;
