//! Posts: create, read, change, delete; free-form attributes, expiry, and an event for every change.
//!
//! [`routes`] is HTTP, [`store`] is SQL, and between them stand the rules, which know of neither: [`draft`] and
//! [`attributes`] (what a post may be), [`visibility`] (who sees it), [`event`] (what is said of it). [`events`] takes in what the
//! other services say of users, [`sweeper`] removes what has to go by itself, [`restored`] says how posts are when the
//! database went back to an earlier time.

pub mod attributes;
pub mod document;
pub mod draft;
pub mod error;
pub mod event;
pub mod events;
pub mod metrics;
pub mod post;
pub mod restored;
pub mod routes;
pub mod serve;
pub mod state;
pub mod store;
pub mod sweeper;
pub mod visibility;
