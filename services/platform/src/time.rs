//! Instants as the contract writes them: RFC 3339 in UTC with milliseconds. Everything is cut to milliseconds at
//! the source, so a value read back from Postgres (microseconds) or an event is the value that was written.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A UTC instant with millisecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, ToSchema)]
#[sqlx(transparent)]
#[schema(value_type = String, format = DateTime, examples("2026-11-20T09:30:00.123Z"))]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// The present.
    pub fn now() -> Self {
        #[cfg(feature = "deliberate-bugs")]
        return (Utc::now() + crate::deliberate::clock()).into();
        #[cfg(not(feature = "deliberate-bugs"))]
        Utc::now().into()
    }

    /// Milliseconds since the Unix epoch.
    pub fn unix_millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Whole seconds since the Unix epoch, as JWTs count.
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// The instant so many milliseconds after the Unix epoch; outside of what a date can hold, the epoch.
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }

    /// This instant, later by `span` (at most the end of time).
    #[must_use]
    pub fn plus(self, span: std::time::Duration) -> Self {
        let span = chrono::TimeDelta::from_std(span).unwrap_or(chrono::TimeDelta::MAX);
        Self(self.0.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }

    /// This instant, earlier by `span` (at least the beginning of time).
    #[must_use]
    pub fn minus(self, span: std::time::Duration) -> Self {
        let span = chrono::TimeDelta::from_std(span).unwrap_or(chrono::TimeDelta::MAX);
        Self(self.0.checked_sub_signed(span).unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// The underlying date and time.
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(value: DateTime<Utc>) -> Self {
        // by way of the count, which knows no leap second: neither does Postgres
        Self::from_unix_millis(value.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// Not a time as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as 2026-11-20T09:30:00.123Z")]
pub struct InvalidTime;

impl std::str::FromStr for Timestamp {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        DateTime::parse_from_rfc3339(text).map(|value| value.to_utc().into()).map_err(|_| InvalidTime)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds_and_read_back_the_same() {
        let time: Timestamp = serde_json::from_str(r#""2026-11-20T10:30:00.1239+01:00""#).unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), r#""2026-11-20T09:30:00.123Z""#);
        assert_eq!(Timestamp::from_unix_millis(time.unix_millis()), time);
    }

    #[test]
    fn a_leap_second_is_the_next_second_as_in_postgres() {
        let time: Timestamp = serde_json::from_str(r#""2026-12-31T23:59:60Z""#).unwrap();
        assert_eq!(time.to_string(), "2027-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        let error = serde_json::from_str::<Timestamp>(r#""yesterday""#).unwrap_err();
        assert!(error.to_string().contains("2026-11-20T09:30:00.123Z"), "{error}");
    }
}
