//! Tokens that are wrong in one way each, and right in all others.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey, pkcs8::EncodePublicKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tracklore_platform::time::Timestamp;

/// A token with its parts, and the key that signed it.
pub struct Forge<'a> {
    signer: &'a SigningKey,
    token: &'a str,
    header: Value,
    claims: Value,
}

/// What is wrong, and the `Authorization` header that it makes.
pub type Fault = (&'static str, Option<String>);

impl<'a> Forge<'a> {
    /// Takes a good token apart.
    pub fn new(signer: &'a SigningKey, token: &'a str) -> Self {
        let part = |index: usize| {
            let part = token.split('.').nth(index).expect("a part of a token");
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
        };
        Self { signer, token, header: part(0), claims: part(1) }
    }

    /// The same with these claims in place of its own; null takes one out.
    pub fn with(&self, claims: Value) -> String {
        sign(&self.header, &changed(&self.claims, claims), self.signer)
    }

    /// Every token that no service may take, made of the good one. `other` is good too, for the other audience.
    pub fn faults(&self, other: &str) -> Vec<Fault> {
        let now = Timestamp::now().unix_seconds();
        let kid = |kid: Value| sign(&changed(&self.header, json!({"kid": kid})), &self.claims, self.signer);
        let stranger = SigningKey::from_bytes(&rand::random());
        let (signed, signature) = self.token.rsplit_once('.').expect("a signature");
        let bent =
            changed(&self.claims, json!({"sub": "1", "scope": "users:admin badges:admin posts:moderate"}));
        let bent = unsigned(&self.header, &bent);
        let public = self.signer.verifying_key();
        let pem =
            public.to_public_key_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).expect("PEM");
        let tokens = [
            ("garbage", "no.good.token".to_owned()),
            ("an empty token", String::new()),
            ("expired", self.with(json!({"iat": now - 400, "exp": now - 60}))),
            ("no expiry", self.with(json!({"exp": null}))),
            ("not yet valid", self.with(json!({"nbf": now + 60}))),
            ("wrong issuer", self.with(json!({"iss": "https://elsewhere.example"}))),
            ("no issuer", self.with(json!({"iss": null}))),
            ("wrong audience", self.with(json!({"aud": "elsewhere"}))),
            ("the other audience", other.to_owned()),
            ("a subject that is nobody", self.with(json!({"sub": null}))),
            ("wrong key", sign(&self.header, &self.claims, &stranger)),
            ("changed claims", format!("{bent}.{signature}")),
            ("no signature", format!("{signed}.")),
            ("alg none", format!("{}.", unsigned(&self.algorithm("none"), &self.claims))),
            (
                "alg none with a signature",
                format!("{}.{signature}", unsigned(&self.algorithm("none"), &self.claims)),
            ),
            ("HS256 with the public key", self.mac(public.as_bytes())),
            ("HS256 with the public key as PEM", self.mac(pem.as_bytes())),
            ("unknown kid", kid(json!("20990101000000"))),
            ("no kid", kid(Value::Null)),
            ("another type", sign(&changed(&self.header, json!({"typ": "JWT"})), &self.claims, self.signer)),
        ];
        let bearers = tokens.into_iter().map(|(fault, token)| (fault, Some(format!("Bearer {token}"))));
        let schemes = [
            ("another scheme", Some(format!("Basic {}", self.token))),
            ("no scheme", Some(self.token.to_owned())),
        ];
        bearers.chain(schemes).collect()
    }

    fn algorithm(&self, name: &str) -> Value {
        changed(&self.header, json!({"alg": name}))
    }

    fn mac(&self, key: &[u8]) -> String {
        let signed = unsigned(&self.algorithm("HS256"), &self.claims);
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is good");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.chain_update(&signed).finalize().into_bytes()))
    }
}

fn sign(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let signed = unsigned(header, claims);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).to_bytes()))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

fn changed(object: &Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    let mut object = object.clone();
    let fields = object.as_object_mut().expect("an object");
    for (key, value) in changes {
        if value.is_null() {
            fields.remove(&key)
        } else {
            fields.insert(key, value)
        };
    }
    object
}
