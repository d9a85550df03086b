//! All letters there are. Links go to pages under the public URL with the token in the fragment, which browsers keep
//! to themselves: it stands in no log and in no `Referer`.

use super::letter::{Letter, Parts};
use crate::{account::Account, one_time::OneTimeToken};

const NOT_YOU: &str = "If that wasn't you, there is nothing to do: without the link nothing happens.";

/// Writes letters of the Tracklore at this public URL.
#[derive(Clone, Debug)]
pub struct Writer {
    public_url: String,
}

impl Writer {
    /// The Tracklore at `public_url`.
    pub fn new(public_url: impl Into<String>) -> Self {
        Self { public_url: public_url.into() }
    }

    /// A new account or address waits for its owner's word.
    pub fn verify(&self, to: &str, name: &str, token: &OneTimeToken) -> Letter {
        let before =
            [format!("please confirm that {to} is your address. The link is good once, for 24 hours.")];
        self.parts(to, "Confirm your e-mail address", Some(name), &before)
            .link("Confirm the address", self.link("verify-email", token))
            .after(&[NOT_YOU])
            .letter()
    }

    /// Somebody wants to sign up, or to move an account here, with the address of an account.
    pub fn address_known(&self, account: &Account) -> Letter {
        let before =
            ["somebody, probably you, wanted to use this address for an account. You have one already: \
                       log in to it, or have a new password set if you don't remember it."
                .to_owned()];
        self.parts(&account.email, "You have an account already", Some(&account.username), &before)
            .after(&["If that wasn't you, there is nothing to do: nobody was told that you have an account."])
            .letter()
    }

    /// Somebody wants to sign up with a name that is taken.
    pub fn username_taken(&self, to: &str, name: &str) -> Letter {
        let before =
            [format!("somebody has the username {name} already. Please sign up once more with another one.")];
        self.parts(to, "Choose another username", None, &before)
            .after(&["If you didn't sign up, there is nothing to do."])
            .letter()
    }

    /// A new password can be set.
    pub fn reset_password(&self, account: &Account, token: &OneTimeToken) -> Letter {
        let before =
            ["you can set a new password. The link is good once, for 30 minutes; all sessions end with it."
                .to_owned()];
        self.parts(&account.email, "Set a new password", Some(&account.username), &before)
            .link("Set a new password", self.link("reset-password", token))
            .after(&[NOT_YOU])
            .letter()
    }

    /// The account shall have another address; this one may say no.
    pub fn email_change(&self, account: &Account, new: &str, token: &OneTimeToken) -> Letter {
        let before = [format!(
            "your account shall have the address {new} from now on. If you wanted that, there is nothing to do here."
        )];
        self.parts(&account.email, "Your e-mail address is being changed", Some(&account.username), &before)
            .link("That wasn't me: undo it", self.link("undo-email-change", token))
            .after(&["The link is good for 7 days. It gives this address back to your account, ends all sessions, \
                      and locks the password, which somebody else must know; a mail to set a new one follows."])
            .letter()
    }

    /// The password is another one now.
    pub fn password_changed(&self, account: &Account) -> Letter {
        let before = ["your account has a new password, and its other sessions have ended.".to_owned()];
        self.parts(&account.email, "Your password was changed", Some(&account.username), &before)
            .after(&["If that wasn't you, have a new password set at once."])
            .letter()
    }

    /// There is no account any more.
    pub fn deleted(&self, account: &Account) -> Letter {
        let before =
            ["your account and what belonged to it has been deleted, as you wished. This is the last mail \
                       that you get from here."
                .to_owned()];
        self.parts(&account.email, "Your account was deleted", Some(&account.username), &before).letter()
    }

    fn link(&self, page: &str, token: &OneTimeToken) -> String {
        format!("{}/v1/auth/links/{page}#{}", self.public_url, token.expose())
    }

    fn parts<'a>(
        &'a self,
        to: &'a str,
        subject: &'static str,
        name: Option<&'a str>,
        before: &'a [String],
    ) -> Parts<'a> {
        Parts { to, subject, name, before, link: None, after: &[], public_url: &self.public_url }
    }
}

impl<'a> Parts<'a> {
    fn link(self, words: &'static str, url: String) -> Self {
        Self { link: Some((words, url)), ..self }
    }

    fn after(self, after: &'a [&'static str]) -> Self {
        Self { after, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_stands_in_the_fragment_of_a_link_to_the_public_url() {
        let token = OneTimeToken::generate();
        let letter = Writer::new("https://tracklore.example").verify("ada@example.org", "ada", &token);
        let link = format!("https://tracklore.example/v1/auth/links/verify-email#{}", token.expose());
        assert!(letter.text.contains(&link) && letter.html.contains(&link), "{letter:?}");
        assert_eq!(letter.to, "ada@example.org");
    }
}
