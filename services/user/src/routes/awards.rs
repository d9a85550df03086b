//! Who has which badge.

pub mod award;
pub mod list;
pub mod revoke;
