//! Tokens of every wrong kind are refused, and for the right one it says who calls.

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{DecodingKey, EncodingKey, Header};

use super::*;
use crate::time::Timestamp;

const ISSUER: &str = "https://tracklore.example";
/// A throw-away key made for this test.
const PRIVATE_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFwUbtbkAk4PAJl/peVok5wzSQN9EkJOYrlpeL/RfJaO\n-----END PRIVATE KEY-----\n";
const PUBLIC_X: &str = "0G7YaCH3YI_fAB6SJhhobvbB2tLjkZtu87RPIkAWNmI";

fn verifier() -> Verifier<LocalKeys> {
    let key = DecodingKey::from_ed_components(PUBLIC_X).unwrap();
    Verifier::new(ISSUER, LocalKeys(Arc::new(HashMap::from([("k1".to_owned(), Arc::new(key))]))))
}

fn claims() -> serde_json::Value {
    let now = Timestamp::now().unix_seconds();
    serde_json::json!({
        "iss": ISSUER, "aud": USER_AUDIENCE, "sub": "42", "sid": Uuid::now_v7(), "client_id": "web",
        "scope": "users:admin", "auth_time": now, "iat": now, "exp": now + 300, "jti": Uuid::now_v7()
    })
}

fn sign(header: &Header, claims: &serde_json::Value) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_pem(PRIVATE_PEM.as_bytes()).unwrap()).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some("k1".to_owned());
    header
}

#[tokio::test]
async fn a_good_token_says_who_calls() {
    let user = verifier().user(&sign(&header(), &claims())).await.unwrap();
    assert_eq!(user.id.get(), 42);
    assert!(user.has_scope("users:admin") && !user.has_scope("users"));
}

#[tokio::test]
async fn expired_foreign_and_misdirected_tokens_are_refused() {
    let now = Timestamp::now().unix_seconds();
    for (claim, value) in [
        ("exp", serde_json::json!(now - 60)),
        ("nbf", serde_json::json!(now + 60)),
        ("iss", serde_json::json!("https://evil.example")),
        ("aud", serde_json::json!(SERVICE_AUDIENCE)),
        ("sub", serde_json::json!("0")),
        ("sub", serde_json::json!("admin")),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        let refused = verifier().user(&sign(&header(), &claims)).await;
        assert_eq!(refused.unwrap_err(), TokenError::Invalid, "{claim}");
    }
}

#[tokio::test]
async fn tokens_of_an_ended_session_are_refused_and_others_are_not() {
    let (ended, other, revoked) = (claims(), claims(), Revoked::default());
    let verifier = verifier().refusing(revoked.clone());
    let (ended_token, other_token) = (sign(&header(), &ended), sign(&header(), &other));
    verifier.user(&ended_token).await.unwrap();
    revoked.insert(ended["sid"].as_str().unwrap().parse().unwrap(), Timestamp::now());
    assert_eq!(verifier.user(&ended_token).await.unwrap_err(), TokenError::Invalid);
    verifier.user(&other_token).await.unwrap();
}

/// Keys that can be taken away, and replaced under the same name.
#[derive(Clone, Default)]
struct ChangingKeys(Arc<std::sync::Mutex<Option<Arc<DecodingKey>>>>);

impl KeyLookup for ChangingKeys {
    async fn find(&self, _: &str) -> Result<Arc<DecodingKey>, TokenError> {
        self.0.lock().unwrap().clone().ok_or(TokenError::Invalid)
    }
}

#[tokio::test]
async fn a_token_seen_before_is_refused_once_its_key_is_gone_or_another_one() {
    let keys = ChangingKeys::default();
    let set = |key: Option<&str>| {
        let key = key.map(|x| Arc::new(DecodingKey::from_ed_components(x).unwrap()));
        *keys.0.lock().unwrap() = key;
    };
    let (verifier, token) = (Verifier::new(ISSUER, keys.clone()), sign(&header(), &claims()));
    set(Some(PUBLIC_X));
    for _ in 0..2 {
        assert_eq!(verifier.user(&token).await.unwrap().id.get(), 42);
    }
    // read anew
    set(Some(PUBLIC_X));
    verifier.user(&token).await.unwrap();
    for changed in [None, Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")] {
        set(changed);
        assert_eq!(verifier.user(&token).await.unwrap_err(), TokenError::Invalid);
    }
}

#[tokio::test]
async fn a_token_seen_before_is_refused_once_its_time_is_over() {
    let (verifier, mut claims) = (verifier(), claims());
    // the last second in which it is forgiven
    claims["exp"] = (Timestamp::now().unix_seconds() - i64::from(LEEWAY) + 1).into();
    let token = sign(&header(), &claims);
    verifier.user(&token).await.unwrap();
    tracklore_testkit::eventually("its time is over", async || verifier.user(&token).await.err()).await;
}

#[tokio::test]
async fn a_user_token_is_never_a_service_token() {
    assert_eq!(verifier().service(&sign(&header(), &claims())).await.unwrap_err(), TokenError::Invalid);
}

#[tokio::test]
async fn other_algorithms_types_and_keys_are_refused() {
    let mut unknown = header();
    unknown.kid = Some("k2".to_owned());
    let mut id_token = header();
    id_token.typ = Some("JWT".to_owned());
    for header in [unknown, id_token] {
        assert_eq!(verifier().user(&sign(&header, &claims())).await.unwrap_err(), TokenError::Invalid);
    }

    let mut hmac = Header::new(Algorithm::HS256);
    hmac.typ = Some(TOKEN_TYPE.to_owned());
    hmac.kid = Some("k1".to_owned());
    let forged =
        jsonwebtoken::encode(&hmac, &claims(), &EncodingKey::from_secret(PUBLIC_X.as_bytes())).unwrap();
    assert_eq!(verifier().user(&forged).await.unwrap_err(), TokenError::Invalid);

    let mut tampered = sign(&header(), &claims());
    tampered.pop();
    for garbage in ["", "a.b.c", tampered.as_str()] {
        assert_eq!(verifier().user(garbage).await.unwrap_err(), TokenError::Invalid);
    }
}
