//! An amount of CPU, memory or storage, as people write it: `500m`, `1`, `10Gi`.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A Kubernetes quantity. YAML numbers are accepted as well as strings, since `cpu: 1` is what people write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Amount(String);

impl Amount {
    /// An amount from text; the API server has checked its form, [`Amount::bytes`] checks it again.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The amount as Kubernetes objects hold it.
    pub fn quantity(&self) -> Quantity {
        Quantity(self.0.clone())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of bytes, when the text is a whole number with an optional binary or decimal suffix.
    pub fn bytes(&self) -> Option<i64> {
        let digits = self.0.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor: i64 = match self.0.strip_prefix(digits)? {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "T" => 1_000_000_000_000,
            "Ki" => 1 << 10,
            "Mi" => 1 << 20,
            "Gi" => 1 << 30,
            "Ti" => 1 << 40,
            _ => return None,
        };
        digits.parse::<i64>().ok()?.checked_mul(factor)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Text(String),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::Number(number) => number.to_string(),
            Form::Text(text) => text,
        }))
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": true,
            "maxLength": 20,
            "pattern": "^[0-9]+([.][0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_are_the_same_amount() {
        let number: Amount = serde_json::from_str("1").unwrap();
        let text: Amount = serde_json::from_str("\"1\"").unwrap();
        assert_eq!(number, text);
    }

    #[test]
    fn bytes_follow_the_suffix() {
        assert_eq!(Amount::new("512Mi").bytes(), Some(512 << 20));
        assert_eq!(Amount::new("2G").bytes(), Some(2_000_000_000));
        assert_eq!(Amount::new("500m").bytes(), None);
        assert_eq!(Amount::new("1.5Gi").bytes(), None);
    }
}
