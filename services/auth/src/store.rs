//! All SQL of this service.

pub mod accounts;
pub mod administration;
pub mod grants;
pub mod sessions;
pub mod throttles;
