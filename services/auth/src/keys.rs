//! The keys that sign tokens: Ed25519, one file `<key id>.pem` each. All are published as soon as they are there; the
//! newest signs once everybody can know it, so that no token is refused while one key takes over from another.

mod ring;

use std::{collections::HashMap, fs, io, path::Path, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::NaiveDateTime;
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use tracklore_platform::time::Timestamp;
use utoipa::ToSchema;

pub use self::ring::KeyRing;

/// How key ids tell when the key was made.
const ID_FORMAT: &str = "%Y%m%d%H%M%S";

/// All keys of the folder at one time.
pub struct SigningKeys {
    /// In the order of their ids; the one that signs while no other may.
    first: KeyPair,
    later: Vec<KeyPair>,
    /// All keys to verify with.
    verifying: HashMap<String, Arc<DecodingKey>>,
    /// All keys to publish.
    pub published: KeySet,
}

/// A key that can sign.
pub struct KeyPair {
    /// The key id that its tokens carry.
    pub kid: String,
    /// The private key.
    pub signing: EncodingKey,
    signs_from: Timestamp,
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
    /// Reads all `<key id>.pem` of `folder`. A key signs when it has been there for `lead`: counted from the time in
    /// its id, and for one that wasn't among `known` from `now` at the earliest.
    pub fn read(
        folder: &Path,
        lead: Duration,
        known: Option<&Self>,
        now: Timestamp,
    ) -> Result<Self, KeysError> {
        let mut files = read_folder(folder)?;
        files.sort();
        let mut verifying = HashMap::new();
        let mut published = Vec::new();
        let mut pairs = Vec::new();
        for (name, pem) in files {
            let Some(kid) = name.strip_suffix(".pem").map(str::to_owned) else { continue };
            let no_key = || KeysError::NoKey { kid: kid.clone() };
            let key = SigningKey::from_pkcs8_pem(&pem).map_err(|_| no_key())?;
            let x = BASE64.encode(key.verifying_key().as_bytes());
            verifying
                .insert(kid.clone(), Arc::new(DecodingKey::from_ed_components(&x).map_err(|_| no_key())?));
            published.push(Key {
                kid: kid.clone(),
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                r#use: "sig",
                x,
            });
            let signing = encoding_key(&key).ok_or_else(no_key)?;
            let signs_from = match known {
                Some(known) => known.signs_from(&kid).unwrap_or_else(|| now.plus(lead)),
                None => made_at(&kid).plus(lead),
            };
            pairs.push(KeyPair { kid, signing, signs_from });
        }
        if pairs.is_empty() {
            return Err(KeysError::Empty { path: folder.display().to_string() });
        }
        let first = pairs.remove(0);
        Ok(Self { first, later: pairs, verifying, published: KeySet { keys: published } })
    }

    /// The key that signs at `now`: the newest that everybody can know.
    pub fn signing(&self, now: Timestamp) -> &KeyPair {
        self.later.iter().rev().find(|key| key.signs_from <= now).unwrap_or(&self.first)
    }

    fn signs_from(&self, kid: &str) -> Option<Timestamp> {
        let known = std::iter::once(&self.first).chain(&self.later).find(|key| key.kid == kid);
        known.map(|key| key.signs_from)
    }
}

/// A private key for a new file, and the name of the file.
pub fn generate(now: Timestamp) -> Result<(String, String), ed25519_dalek::pkcs8::Error> {
    let secret: [u8; 32] = rand::random();
    let pem = SigningKey::from_bytes(&secret)
        .to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF)?
        .to_string();
    Ok((format!("{}.pem", now.as_datetime().format(ID_FORMAT)), pem))
}

/// The time in a key id; long ago when there is none.
fn made_at(kid: &str) -> Timestamp {
    let time = NaiveDateTime::parse_from_str(kid, ID_FORMAT).map(|time| time.and_utc().timestamp_millis());
    Timestamp::from_unix_millis(time.unwrap_or(0))
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

    const LEAD: Duration = Duration::from_mins(15);

    fn read_or_error(folder: &Folder) -> KeysError {
        SigningKeys::read(&folder.0, LEAD, None, Timestamp::now()).map(|_| ()).unwrap_err()
    }

    fn pem(byte: u8) -> String {
        SigningKey::from_bytes(&[byte; 32]).to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    fn at(kid: &str) -> Timestamp {
        made_at(kid)
    }

    fn read(folder: &Folder, known: Option<&SigningKeys>, now: Timestamp) -> SigningKeys {
        SigningKeys::read(&folder.0, LEAD, known, now).unwrap()
    }

    #[test]
    fn all_keys_are_published_at_once_and_a_new_one_signs_when_everybody_can_know_it() {
        let folder = Folder::with(&[
            ("20260101000000.pem", &pem(1)),
            ("20260301120000.pem", &pem(2)),
            ("..data", "x"),
            ("readme", "x"),
        ]);
        let keys = read(&folder, None, at("20260301120000"));
        let published: Vec<_> = keys.published.keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(published, ["20260101000000", "20260301120000"]);
        for (now, kid) in [
            ("20260301120000", "20260101000000"),
            ("20260301121459", "20260101000000"),
            ("20260301121500", "20260301120000"),
        ] {
            assert_eq!(keys.signing(at(now)).kid, kid, "{now}");
        }
    }

    #[test]
    fn the_only_key_signs_however_new_it_is() {
        let folder = Folder::with(&[("20260301120000.pem", &pem(1))]);
        assert_eq!(
            read(&folder, None, at("20260301120000")).signing(at("20260301120000")).kid,
            "20260301120000"
        );
    }

    #[test]
    fn a_key_that_comes_while_running_is_first_published_whatever_its_name() {
        let folder = Folder::with(&[("20260101000000.pem", &pem(1))]);
        let before = read(&folder, None, at("20260301120000"));
        fs::write(folder.0.join("20260201000000.pem"), pem(2)).unwrap();
        let now = at("20260301120000");
        let after = read(&folder, Some(&before), now);
        assert_eq!(after.signing(now).kid, "20260101000000");
        // seen once more later: counted from the first sight
        let again = read(&folder, Some(&after), now.plus(LEAD / 2));
        assert_eq!(again.signing(now.plus(LEAD)).kid, "20260201000000");
    }

    #[test]
    fn keys_with_and_without_their_public_part_sign_alike() {
        // as openssl writes it, without
        let bare =
            KeypairBytes { secret_key: [3; 32], public_key: None }.to_pkcs8_pem(LineEnding::LF).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let sign = |pem: &str| {
            let folder = Folder::with(&[("k.pem", pem)]);
            let (keys, now) = (read(&folder, None, Timestamp::now()), Timestamp::now());
            jsonwebtoken::encode(&header, &serde_json::json!({"sub": "1"}), &keys.signing(now).signing)
                .unwrap()
        };
        assert_eq!(sign(&bare), sign(&pem(3)));
    }

    #[test]
    fn an_empty_folder_and_a_file_that_is_no_key_are_named() {
        let empty = read_or_error(&Folder::with(&[]));
        assert!(empty.to_string().contains("there is no key to sign with"), "{empty}");
        let other = read_or_error(&Folder::with(&[("k.pem", "hello")]));
        assert!(other.to_string().starts_with("k.pem is no Ed25519"), "{other}");
    }

    #[test]
    fn a_generated_key_is_one_that_can_be_read_named_by_its_time() {
        let (name, pem) = generate(at("20260301120000")).unwrap();
        assert_eq!(name, "20260301120000.pem");
        let folder = Folder::with(&[(name.as_str(), pem.as_str())]);
        assert_eq!(read(&folder, None, Timestamp::now()).published.keys.len(), 1);
    }
}
