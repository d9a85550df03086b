//! All SQL of this service.

pub mod accounts;
pub mod administration;
pub mod audit;
pub mod changes;
pub mod grants;
pub mod housekeeping;
pub mod mails;
pub mod names;
pub mod one_time;
pub mod republish;
pub mod sessions;
pub mod signups;
pub mod throttles;
