//! Integers of JSON. It has one kind of number, so `69.0` is 69: some clients write all their numbers that way.

use serde::{Deserialize, Deserializer, de};
use tracklore_platform::patch::Patch;

/// Beyond this a number is out of every range; as near as this it is exact.
const FAR: f64 = 1e15;

/// For `deserialize_with` of a field that may be null.
pub fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    number.map(|number| integer(&number).ok_or_else(|| de::Error::custom("expected an integer"))).transpose()
}

/// For `deserialize_with` of a field of a merge patch.
pub fn patch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<i64>, D::Error> {
    Ok(option(deserializer)?.map_or(Patch::Clear, Patch::Set))
}

fn integer(number: &serde_json::Number) -> Option<i64> {
    let whole = || number.as_f64().filter(|value| value.fract() == 0.0);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and near")]
    number.as_i64().or_else(|| whole().map(|value| value.clamp(-FAR, FAR) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_fraction_is_an_integer_however_it_is_written() {
        #[derive(Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "option")]
            plain: Option<i64>,
            #[serde(default, deserialize_with = "patch")]
            patch: Patch<i64>,
        }
        let read = |json: &str| serde_json::from_str::<Body>(json).ok();
        for (text, value) in
            [("69", 69), ("69.0", 69), ("6.9e1", 69), ("-0.0", 0), ("1e300", 1_000_000_000_000_000)]
        {
            let body = read(&format!(r#"{{"plain": {text}, "patch": {text}}}"#)).unwrap();
            assert_eq!((body.plain, body.patch), (Some(value), Patch::Set(value)), "{text}");
        }
        let null = read(r#"{"plain": null, "patch": null}"#).unwrap();
        assert_eq!((null.plain, null.patch), (None, Patch::Clear));
        let absent = read("{}").unwrap();
        assert_eq!((absent.plain, absent.patch), (None, Patch::Keep));
        for bad in ["69.5", "\"69\"", "true", "[69]"] {
            assert!(read(&format!(r#"{{"plain": {bad}}}"#)).is_none(), "{bad}");
        }
    }
}
