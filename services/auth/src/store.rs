//! All SQL of this service.

pub mod accounts;
pub mod sessions;
pub mod throttles;
