//! The HTTP APIs: a file for each endpoint.

mod awards;
mod badges;
mod blocks;
mod follows;
mod goals;
mod internal;
mod profile;
mod settings;

use tracklore_platform::{docs, page::Page};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{domain::Profile, openapi, serve::NAME, state::AppState, store::people::Listed};

/// For everybody.
pub fn public() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(profile::read_own::read_own_profile, profile::change_own::change_own_profile))
        .routes(routes!(profile::read::read_profile))
        .routes(routes!(profile::find::find_profile))
        .merge(relations())
        .routes(routes!(settings::read::read_settings, settings::change::change_settings))
        .routes(routes!(goals::list_own::list_own_goals, goals::create::create_goal))
        .routes(routes!(goals::read::read_goal, goals::change::change_goal, goals::delete::delete_goal))
        .routes(routes!(goals::list_public::list_public_goals))
        .routes(routes!(badges::list::list_badges, badges::create::create_badge))
        .routes(routes!(badges::read::read_badge, badges::change::change_badge, badges::delete::delete_badge))
        .routes(routes!(awards::list::list_awards))
        .routes(routes!(awards::award::award_badge, awards::revoke::revoke_badge))
}

/// What users do to each other.
fn relations() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(follows::relation::relation, follows::follow::follow, follows::unfollow::unfollow))
        .routes(routes!(follows::followers::list_followers))
        .routes(routes!(follows::following::list_following))
        .routes(routes!(follows::requests::list_follow_requests))
        .routes(routes!(follows::accept::accept_follow_request, follows::refuse::refuse_follow_request))
        .routes(routes!(follows::remove_follower::remove_follower))
        .routes(routes!(blocks::list::list_blocks))
        .routes(routes!(blocks::read::read_block, blocks::block::block, blocks::unblock::unblock))
}

/// For the other services.
pub fn internal() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(docs::internal(NAME))
        .routes(routes!(internal::batch::batch))
        .routes(routes!(internal::following::following))
}

/// A page out of `limit + 1` people asked for.
fn people_page(list: &str, rows: Vec<Listed>, limit: usize) -> Page<Profile> {
    let Page { items, next_cursor } =
        Page::new(list, rows, limit, |listed| (listed.since.unix_millis(), listed.profile.id));
    Page { items: items.into_iter().map(|listed| listed.profile).collect(), next_cursor }
}
