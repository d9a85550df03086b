//! The rules, without any input or output: who is known, what a profile holds, who follows whom, what people want to
//! learn and what they are honoured with, and what may be written into all of it.

mod account;
mod avatar_url;
mod award;
mod badge;
mod follow;
mod goal;
mod goal_change;
mod patch;
mod profile;
mod reference;
mod settings;
mod text;
mod username;
mod whole;

pub use account::{Account, Nameless};
pub use award::{Award, AwardDraft, Standing};
pub use badge::{Badge, BadgeDraft, BadgePatch, is_slug};
pub use follow::{FollowAct, FollowState, Pair};
pub use goal::{Goal, goal_erased};
pub use goal_change::{GoalDraft, GoalPatch};
pub use patch::ProfilePatch;
pub use profile::{FollowPolicy, Profile, ProfileCard, profile_deleted};
pub use reference::{Reference, Status, merge};
pub use settings::{Settings, SettingsObject};
pub use username::is_username;
