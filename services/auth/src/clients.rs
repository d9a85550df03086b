//! The services that may ask for service tokens: a file per client, its name the client id, its content the secret.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::keys::{KeysError, read_folder};

/// Client ids, and digests of their secrets (of one length, so that comparing takes one time).
#[derive(Clone)]
pub struct Clients(Vec<(String, [u8; 32])>);

impl Clients {
    /// Reads the folder.
    pub fn read(folder: &Path) -> Result<Self, KeysError> {
        Ok(Self::new(read_folder(folder)?))
    }

    fn new(files: Vec<(String, String)>) -> Self {
        let clients =
            files.into_iter().map(|(id, secret)| (id, digest(secret.trim_end_matches(['\r', '\n']))));
        // an empty file is no secret
        Self(clients.filter(|(_, secret)| *secret != digest("")).collect())
    }

    /// Whether this is a client with its secret. Every client is compared, so time tells nothing.
    pub fn know(&self, id: &str, secret: &SecretString) -> bool {
        let given = digest(secret.expose_secret());
        let known = self.0.iter().fold(Choice::from(0), |known, (client, expected)| {
            known | (digest(client).ct_eq(&digest(id)) & expected.ct_eq(&given))
        });
        known.into()
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_secret_opens_and_an_empty_file_never_does() {
        let files = [("user", "s1\n"), ("posts", "s2"), ("feed", "")];
        let clients = Clients::new(files.map(|(id, secret)| (id.into(), secret.into())).into());
        assert!(clients.know("user", &"s1".into()));
        assert!(clients.know("posts", &"s2".into()));
        for (id, secret) in [("user", "s2"), ("user", ""), ("feed", ""), ("nobody", "s1"), ("", "")] {
            assert!(!clients.know(id, &secret.into()), "{id} {secret}");
        }
    }
}
