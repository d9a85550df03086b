//! Sessions: what a log-in leaves behind. A session has one refresh token that counts up with every use
//! ([`lineage`]); the token itself ([`refresh_token`]) is made under a key of the session ([`key`]), so that nothing
//! grows with the number of refreshes and a stolen database gives no token.

pub mod client;
pub mod key;
pub mod lineage;
pub mod live;
pub mod open;
pub mod proof;
pub mod refresh_token;
