//! Who follows whom.

pub mod accept;
pub mod follow;
pub mod followers;
pub mod following;
pub mod refuse;
pub mod relation;
pub mod remove_follower;
pub mod requests;
pub mod unfollow;
