//! Scopes as types: a handler that takes [`Scoped`] can't forget to ask for what it needs.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::{StatusCode, request::Parts};

use super::{HasVerifier, User};
use crate::problem::Problem;

/// Something that a user may be granted.
pub trait Scope: Send + Sync + 'static {
    /// Its name in tokens.
    const NAME: &'static str;
}

/// May suspend accounts and grant scopes.
#[derive(Clone, Copy, Debug)]
pub struct UsersAdmin;

/// May make badges and award them.
#[derive(Clone, Copy, Debug)]
pub struct BadgesAdmin;

/// May delete what others wrote.
#[derive(Clone, Copy, Debug)]
pub struct PostsModerate;

/// All scopes that can be granted.
pub const SCOPES: [&str; 3] = [UsersAdmin::NAME, BadgesAdmin::NAME, PostsModerate::NAME];

impl Scope for UsersAdmin {
    const NAME: &'static str = "users:admin";
}

impl Scope for BadgesAdmin {
    const NAME: &'static str = "badges:admin";
}

impl Scope for PostsModerate {
    const NAME: &'static str = "posts:moderate";
}

/// A logged-in user who was granted `S`; 401 without a valid token, 403 `scope-missing` without the scope.
#[derive(Clone, Debug)]
pub struct Scoped<S> {
    /// Who.
    pub user: User,
    granted: PhantomData<S>,
}

impl<S: Scope> Scoped<S> {
    /// This user, if the scope was granted.
    pub fn check(user: User) -> Result<Self, Problem> {
        if user.has_scope(S::NAME) {
            return Ok(Self { user, granted: PhantomData });
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "scope-missing",
            format!(
                "This takes the scope {}, which you were not granted when you logged in or refreshed.",
                S::NAME
            ),
        ))
    }
}

impl<S: Scope, State: HasVerifier> FromRequestParts<State> for Scoped<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Self::check(User::from_request_parts(parts, state).await?)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_granted_scope_itself_opens() {
        let user = |scope: &str| User {
            id: 7.try_into().unwrap(),
            session_id: Uuid::now_v7(),
            scope: scope.to_owned(),
            auth_time: 0,
            expires_at: 300,
        };
        for granted in ["users:admin", "posts:moderate users:admin"] {
            assert_eq!(Scoped::<UsersAdmin>::check(user(granted)).unwrap().user.id.get(), 7);
        }
        for other in ["", "users", "users:admins", "badges:admin posts:moderate"] {
            let refused = Scoped::<UsersAdmin>::check(user(other)).unwrap_err();
            assert_eq!((refused.status().as_u16(), refused.code()), (403, "scope-missing"), "{other}");
        }
    }
}
