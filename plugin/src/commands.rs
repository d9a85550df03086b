//! The commands, a file each.

pub mod doctor;
pub mod events;
pub mod logs;
pub mod pause;
pub mod status;

/// How an answer is written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}
