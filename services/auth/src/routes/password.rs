//! Passwords: changed by who knows the present one, reset by who reads the account's mail.

pub mod change;
pub mod confirm;
pub mod reset;
