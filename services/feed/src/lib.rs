//! The feed service: the read side. Events become lists in Redis ([`event`], [`apply`], and `library/*.lua`, which
//! holds the rules and runs inside Redis), and a request reads a page of a list in one round trip ([`page`], [`home`]).
//! What changes is told to live connections ([`live`]).
//!
//! Nothing here is a source of truth: an emptied Redis is filled again from the topics ([`positions`], [`consume`]) and
//! from the posts service ([`fill`]); what nobody needs is forgotten ([`upkeep`]).

pub mod actors;
pub mod apply;
pub mod consume;
#[cfg(feature = "deliberate-bugs")]
mod deliberate;
pub mod document;
pub mod error;
pub mod event;
pub mod fill;
pub mod fitness;
pub mod front;
pub mod home;
pub mod library;
pub mod lists;
pub mod live;
pub mod metrics;
pub mod page;
pub mod positions;
pub mod posts;
pub mod progress;
pub mod rebuild;
pub mod redis;
pub mod redrive;
pub mod routes;
pub mod serve;
pub mod state;
pub mod upkeep;
