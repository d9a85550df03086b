//! The Tracklore operator: it turns one `TrackloreStack` into a running system and keeps it so.
//!
//! [`stack`] is the pipeline `observe → validate → build → apply → status`; [`api`] the resource it serves;
//! [`runtime`] what any long-running process needs: watches, metrics, probes, logs.

pub mod api;
pub mod cli;
pub mod install;
pub mod runtime;
pub mod stack;
