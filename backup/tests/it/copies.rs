//! What is kept comes back as it was, or not at all.

use std::fs;

use tracklore_seal::Secrets;

use crate::place::{KEY, Place};

/// More than one part of an upload.
fn large() -> Vec<u8> {
    (0..25_u32 << 20).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect()
}

fn what_is_kept_comes_back(place: &Place) {
    let large = large();
    place.dump("auth", b"accounts");
    place.dump("posts", &large);
    let first = place.keep(&[]);
    place.dump("auth", b"more accounts");
    let second = place.keep(&[]);
    assert_eq!(place.copies(), [first.clone(), second.clone()]);

    place.good("fetch", &[]);
    assert_eq!((place.back("auth"), place.back("posts") == large), (b"more accounts".to_vec(), true));
    place.good("fetch", &[("TRACKLORE_BACKUP_COPY", &first)]);
    assert_eq!(place.back("auth"), b"accounts");

    place.good("seal", &[]);
    let seal = fs::read_to_string(place.path("seal")).unwrap();
    assert!(seal.len() < 4096, "a pod's last words have room for 4096 bytes");
    let Secrets(secrets) = Secrets::open(KEY, &seal).unwrap();
    assert_eq!(secrets["auth-session-key"]["session-key"], "the session key");
    assert_eq!(secrets["auth-signing-keys"]["20260101000000.pem"], "a key");

    let third = place.keep(&[("TRACKLORE_BACKUP_KEEP", "2")]);
    assert_eq!(place.copies(), [second, third], "the oldest one made room");
    let complaint = place.bad("fetch", &[("TRACKLORE_BACKUP_COPY", &first)]);
    assert!(complaint.contains(&format!("copy {first} isn't there; there are ")), "{complaint}");
}

#[test]
fn what_is_kept_in_a_folder_comes_back_and_the_oldest_makes_room() {
    what_is_kept_comes_back(&Place::folder());
}

#[test]
fn what_is_kept_in_a_bucket_comes_back_and_the_oldest_makes_room() {
    what_is_kept_comes_back(&Place::bucket());
}

#[test]
fn a_copy_that_was_not_ended_is_none() {
    let place = Place::folder();
    place.dump("auth", b"accounts");
    let whole = place.keep(&[]);
    let half = place.path("shelf/social/demo/29991231T235959Z");
    fs::create_dir(&half).unwrap();
    fs::write(half.join("auth.dump"), "acc").unwrap();
    let forgotten = place.path("shelf/social/demo/20200101T000000Z");
    fs::create_dir(&forgotten).unwrap();
    fs::write(forgotten.join("auth.dump"), "acc").unwrap();
    assert_eq!(place.copies(), std::slice::from_ref(&whole));
    assert!(place.good("fetch", &[]).contains(&whole), "it isn't the latest either");
    place.keep(&[]);
    assert!(half.exists(), "somebody may be at it");
    assert!(!forgotten.exists(), "nobody is any more");
}

#[test]
fn what_was_damaged_is_not_taken_for_what_was_kept() {
    let place = Place::folder();
    place.dump("auth", b"accounts");
    let copy = place.keep(&[]);
    fs::write(place.path("shelf/social/demo").join(&copy).join("auth.dump"), "acc0unts").unwrap();
    let complaint = place.bad("fetch", &[]);
    assert!(complaint.starts_with(&format!("auth.dump of copy {copy} isn't what was kept")), "{complaint}");
}

#[test]
fn what_cannot_be_done_is_said_and_leaves_no_copy() {
    let place = Place::folder();
    let complaint = place.bad("store", &[]);
    assert!(complaint.contains("no dump lies in"), "{complaint}");
    place.dump("auth", b"accounts");
    let complaint = place.bad("store", &[("TRACKLORE_BACKUP_KEY", "short")]);
    assert!(complaint.contains("openssl rand -base64 32"), "{complaint}");
    assert!(!complaint.contains("short\n"), "the key isn't told");
    let complaint = place.bad("fetch", &[]);
    assert!(complaint.contains("no copy lies in social/demo"), "{complaint}");
    let complaint = place.bad("list", &[("TRACKLORE_BACKUP_SHELF", "ftp://elsewhere")]);
    assert!(complaint.contains("s3://bucket/prefix"), "{complaint}");
    let complaint = place.bad("list", &[("TRACKLORE_BACKUP_SHELF", "s3://copies")]);
    assert!(complaint.contains("TRACKLORE_BACKUP_S3_ACCESS_KEY_ID"), "{complaint}");
    assert!(place.copies().is_empty());
}

#[test]
fn a_bucket_refuses_who_has_the_wrong_key_with_a_reason() {
    let place = Place::bucket();
    place.dump("auth", b"accounts");
    let complaint = place.bad("store", &[("TRACKLORE_BACKUP_S3_SECRET_ACCESS_KEY", "wrong")]);
    assert!(complaint.contains("SignatureDoesNotMatch") || complaint.contains("403"), "{complaint}");
    assert!(!complaint.contains("wrong"), "{complaint}");
    assert_eq!(complaint.matches("list request").count(), 1, "it is said once: {complaint}");
}
