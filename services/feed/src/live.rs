//! Live updates. Every change of the read model is written to a bounded log in Redis by the same atomic call
//! (`library/log.lua`). Each replica reads the log once ([`hub`]) and hands it to its connections ([`follower`]), which
//! have a place in the log and no buffer of their own: who falls behind reads on from Redis, who falls behind the log
//! is told to start anew.

pub mod change;
pub mod connection;
pub mod follower;
pub mod hub;
pub mod scope;
pub mod ticket;
