//! The keys that sign tokens: Ed25519, one file `<key id>.pem` each. The greatest name signs; all are published, so
//! that tokens of the key before stay good while a new one takes over.

use std::{collections::HashMap, fs, io, path::Path, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use tracklore_platform::token::LocalKeys;
use utoipa::ToSchema;

/// All keys of the folder.
#[derive(Clone)]
pub struct SigningKeys {
    /// The key id that new tokens carry.
    pub kid: String,
    /// The key that signs them.
    pub signing: EncodingKey,
    /// All keys to verify with.
    pub verifying: LocalKeys,
    /// All keys to publish.
    pub published: KeySet,
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Key {
    /// The `kid` of the tokens that it verifies.
    #[schema(examples("20261120093000"))]
    kid: String,
    /// `OKP`
    #[schema(examples("OKP"))]
    kty: &'static str,
    /// `Ed25519`
    #[schema(examples("Ed25519"))]
    crv: &'static str,
    /// `EdDSA`
    #[schema(examples("EdDSA"))]
    alg: &'static str,
    /// `sig`
    #[schema(examples("sig"))]
    r#use: &'static str,
    /// The public key, base64url.
    x: String,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file can't be read.
    #[error("can't read {path}")]
    Read {
        /// Which one.
        path: String,
        /// The operating system's word.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{kid}.pem is no Ed25519 private key in PKCS#8 PEM")]
    NoKey {
        /// Which one.
        kid: String,
    },
    /// The folder is empty.
    #[error("no <key id>.pem in {path}: there is no key to sign with")]
    Empty {
        /// Which folder.
        path: String,
    },
}

impl SigningKeys {
    /// Reads all `<key id>.pem` of `folder`.
    pub fn read(folder: &Path) -> Result<Self, KeysError> {
        let mut files = read_folder(folder)?;
        files.sort();
        let mut verifying = HashMap::new();
        let mut published = Vec::new();
        let mut last = None;
        for (name, pem) in files {
            let Some(kid) = name.strip_suffix(".pem").map(str::to_owned) else { continue };
            let no_key = || KeysError::NoKey { kid: kid.clone() };
            let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| no_key())?;
            let x = BASE64.encode(key.verifying_key().as_bytes());
            verifying.insert(kid.clone(), DecodingKey::from_ed_components(&x).map_err(|_| no_key())?);
            published.push(Key {
                kid: kid.clone(),
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                r#use: "sig",
                x,
            });
            let signing = encoding_key(&key).ok_or_else(no_key)?;
            last = Some((kid, signing));
        }
        let (kid, signing) = last.ok_or_else(|| KeysError::Empty { path: folder.display().to_string() })?;
        let verifying = LocalKeys(Arc::new(verifying));
        Ok(Self { kid, signing, verifying, published: KeySet { keys: published } })
    }
}

/// Written anew as PKCS#8 without the public key, whichever of the two forms the file has: the signer knows only that.
fn encoding_key(key: &SigningKey) -> Option<EncodingKey> {
    let bare = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
    Some(EncodingKey::from_ed_der(bare.to_pkcs8_der().ok()?.as_bytes()))
}

/// Names and contents of the files in `folder`, without those that begin with a dot (Kubernetes' mounts have some).
pub fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, KeysError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| KeysError::Read { path, source }
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with('.') && path.is_file() {
            files.push((name.to_owned(), fs::read_to_string(&path).map_err(failed(&path))?));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let path = std::env::temp_dir().join(format!("tracklore-keys-{}", uuid::Uuid::now_v7()));
            fs::create_dir(&path).unwrap();
            for (name, content) in files {
                fs::write(path.join(name), content).unwrap();
            }
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn pem(byte: u8) -> String {
        SigningKey::from_bytes(&[byte; 32]).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    #[test]
    fn the_greatest_name_signs_and_all_are_published() {
        let folder =
            Folder::with(&[("2.pem", &pem(2)), ("1.pem", &pem(1)), ("..data", "x"), ("readme", "x")]);
        let keys = SigningKeys::read(&folder.0).unwrap();
        assert_eq!(keys.kid, "2");
        let published: Vec<_> = keys.published.keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(published, ["1", "2"]);
        assert_eq!(keys.verifying.0.len(), 2);
    }

    #[test]
    fn keys_with_and_without_their_public_part_sign_alike() {
        // as openssl writes it, without
        let bare =
            KeypairBytes { secret_key: [3; 32], public_key: None }.to_pkcs8_pem(LineEnding::LF).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let sign = |pem: &str| {
            let folder = Folder::with(&[("k.pem", pem)]);
            let keys = SigningKeys::read(&folder.0).unwrap();
            jsonwebtoken::encode(&header, &serde_json::json!({"sub": "1"}), &keys.signing).unwrap()
        };
        assert_eq!(sign(&bare), sign(&pem(3)));
    }

    #[test]
    fn an_empty_folder_and_a_file_that_is_no_key_are_named() {
        let empty = SigningKeys::read(&Folder::with(&[]).0).map(|_| ()).unwrap_err();
        assert!(empty.to_string().contains("there is no key to sign with"), "{empty}");
        let other = SigningKeys::read(&Folder::with(&[("k.pem", "hello")]).0).map(|_| ()).unwrap_err();
        assert!(other.to_string().starts_with("k.pem is no Ed25519"), "{other}");
    }
}
