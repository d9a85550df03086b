//! The rules, without any input or output: who is known, what a profile holds, what may be written into it.

mod account;
mod avatar_url;
mod patch;
mod profile;
mod reference;
mod text;
mod username;

pub use account::{Account, Nameless};
pub use patch::ProfilePatch;
pub use profile::{FollowPolicy, Profile, ProfileCard};
pub use reference::{Reference, Status, merge};
pub use username::is_username;
