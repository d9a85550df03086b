//! The pages that links in mails open, so that they work without any client. Opening one changes nothing, since mail
//! programs open links by themselves: the page's script sends the token out of the fragment when its reader says so.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};
use tracklore_platform::{
    extract::Path,
    problem::{Problem, ProblemBody},
};

use crate::{error::Error, responses::Always};

const PAGE: &str = include_str!("links.html");
const PAGES: [&str; 3] = ["verify-email", "reset-password", "undo-email-change"];

/// Only the page's own script and style run, it talks to this service only, and nobody can frame it.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let (_, rest) = PAGE.split_once(&format!("<{tag}>"))?;
        let (inner, _) = rest.split_once(&format!("</{tag}>"))?;
        Some(format!("'sha256-{}'", BASE64.encode(Sha256::digest(inner))))
    };
    HeaderValue::try_from(format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script")?,
        hash("style")?
    ))
    .ok()
});

/// Page of a link
///
/// For people: a page with a button that sends the token behind the `#`, or a form for a new password.
#[utoipa::path(
    get, path = "/v1/auth/links/{page}", tag = "email",
    security(()),
    params(("page" = String, Path, description = "`verify-email`, `reset-password` or `undo-email-change`")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "`not-found`: there is no such page",
         body = ProblemBody, content_type = "application/problem+json"),
        Always,
    )
)]
pub async fn page(Path(page): Path<String>) -> Result<Response, Error> {
    if !PAGES.contains(&page.as_str()) {
        return Err(Problem::not_found("There is nothing at this address.").into());
    }
    let mut response = Html(PAGE).into_response();
    let headers = response.headers_mut();
    if let Some(policy) = POLICY.clone() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_page_has_a_policy_that_lets_only_its_own_script_run() {
        for name in PAGES {
            assert!(PAGE.contains(&format!("\"{name}\": {{")), "the script knows {name}");
            let response = page(Path(name.to_owned())).await.unwrap();
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
            assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        }
        assert!(page(Path("other".to_owned())).await.is_err());
        assert!(!PAGE.contains("onclick") && !PAGE.contains("innerHTML") && !PAGE.contains("style="));
    }

    #[test]
    fn the_page_masks_passwords_and_leaves_them_to_password_managers() {
        let inputs: Vec<_> = PAGE.split("<input").skip(1).filter_map(|rest| rest.split('>').next()).collect();
        assert_eq!(inputs.len(), 1);
        assert!(inputs.iter().all(|input| {
            input.contains(r#"type="password""#) && input.contains(r#"autocomplete="new-password""#)
        }));
        assert!(!PAGE.contains("onpaste") && !PAGE.contains("maxlength"));
    }
}
