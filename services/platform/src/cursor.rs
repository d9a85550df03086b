//! Opaque, self-checking list cursors: the sort key of the last item, with a checksum that refuses typing errors
//! and cursors of another list. They hold nothing secret and give no rights, so a checksum is enough.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

const CHECK_BYTES: usize = 6;

/// The cursor after the item with this sort key, in the list called `list`.
pub fn encode<K: Serialize>(list: &str, key: &K) -> String {
    // a sort key is numbers and strings, which always serialise
    let json = serde_json::to_vec(key).unwrap_or_default();
    let mut bytes = checksum(list, &json).to_vec();
    bytes.extend(json);
    BASE64.encode(bytes)
}

/// The sort key in `cursor`; 400 when it isn't one that [`encode`] made for `list`.
pub fn decode<K: DeserializeOwned>(list: &str, cursor: &str) -> Result<K, Problem> {
    let bad = || Problem::malformed("This cursor wasn't given out for this list. Start again without one.");
    let bytes = BASE64.decode(cursor).map_err(|_| bad())?;
    let (check, json) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(bad)?;
    if check != checksum(list, json) {
        return Err(bad());
    }
    serde_json::from_slice(json).map_err(|_| bad())
}

fn checksum(list: &str, json: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(list).chain_update([0]).chain_update(json).finalize();
    let mut check = [0; CHECK_BYTES];
    check.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    check
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_gives_back_its_key_and_fits_no_other_list(time: i64, id in "[a-z0-9-]{0,40}") {
            let cursor = encode("posts", &(time, &id));
            prop_assert_eq!(decode::<(i64, String)>("posts", &cursor).unwrap(), (time, id));
            prop_assert!(decode::<(i64, String)>("users", &cursor).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = decode::<(i64, String)>("posts", &text);
        }

        #[test]
        fn a_changed_character_is_noticed(at in 0_usize..20, to in "[A-Za-z0-9_-]") {
            let cursor = encode("posts", &(1, "abc"));
            let mut changed = cursor.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != cursor);
            prop_assert!(decode::<(i64, String)>("posts", &changed).is_err());
        }
    }
}
