//! The services that may ask for service tokens: a file per client, its name the client id, its lines secrets that
//! are good.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::keys::{KeysError, read_folder};

/// Client ids, and digests of their secrets (of one length, so that comparing takes one time).
#[derive(Clone)]
pub struct Clients {
    folder: PathBuf,
    known: Arc<RwLock<Vec<Client>>>,
}

type Client = (String, [u8; 32]);

impl Clients {
    /// Reads the folder.
    pub fn read(folder: &Path) -> Result<Self, KeysError> {
        let known = parse(&read_folder(folder)?);
        Ok(Self { folder: folder.to_owned(), known: Arc::new(RwLock::new(known)) })
    }

    /// Reads the folder again; when it can't be read, all stays as it is.
    pub fn reload(&self) -> Result<(), KeysError> {
        let known = parse(&read_folder(&self.folder)?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Whether this is a client with its secret. Every client is compared, so time tells nothing.
    pub fn know(&self, id: &str, secret: &SecretString) -> bool {
        let given = digest(secret.expose_secret());
        let clients = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().fold(Choice::from(0), |known, (client, expected)| {
            known | (digest(client).ct_eq(&digest(id)) & expected.ct_eq(&given))
        });
        known.into()
    }
}

fn parse(files: &[(String, String)]) -> Vec<Client> {
    let secrets = files.iter().flat_map(|(id, lines)| lines.lines().map(move |secret| (id, secret)));
    // an empty line is no secret
    secrets
        .filter(|(_, secret)| !secret.is_empty())
        .map(|(id, secret)| (id.clone(), digest(secret)))
        .collect()
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_secret_opens_and_an_empty_file_never_does() {
        let files = [("user", "s1\n"), ("posts", "s2\r\nnext\n"), ("feed", "\n")];
        let known = parse(&files.map(|(id, secret)| (id.into(), secret.into())));
        let clients = Clients { folder: PathBuf::new(), known: Arc::new(RwLock::new(known)) };
        assert!(clients.know("user", &"s1".into()));
        assert!(clients.know("posts", &"s2".into()) && clients.know("posts", &"next".into()));
        for (id, secret) in [("user", "s2"), ("user", ""), ("feed", ""), ("nobody", "s1"), ("", "")] {
            assert!(!clients.know(id, &secret.into()), "{id} {secret}");
        }
    }
}
