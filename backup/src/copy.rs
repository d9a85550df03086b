//! A copy: what lies in its folder, and the file that says that it is whole.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// The file that is written last. A folder without it is no copy.
pub const LABEL: &str = "copy.json";
/// The file of the sealed Secrets.
pub const SEAL: &str = "secrets.sealed";
/// What the files of databases end with.
pub const DUMP: &str = ".dump";
/// How the folder of a copy is named: after the moment when it was begun.
const NAME: &str = "%Y%m%dT%H%M%SZ";

/// The name for a copy that is begun now.
pub fn name(now: Timestamp) -> String {
    now.strftime(NAME).to_string()
}

/// When the copy of a name was begun; none for folders of others.
pub fn begun(name: &str) -> Option<Timestamp> {
    DateTime::strptime(NAME, name).ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// A copy that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Its name: that of its folder.
    pub name: String,
    /// The dumps, by file name.
    pub dumps: BTreeMap<String, File>,
}

/// What a file has to be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        self.dumps.iter().try_for_each(|(name, file)| write!(f, " {name} {} bytes;", file.bytes))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_moment_and_sorts_like_it() {
        let at: Timestamp = "2026-11-22T03:00:07Z".parse().unwrap();
        assert_eq!(name(at), "20261122T030007Z");
        assert_eq!(begun(&name(at)), Some(at));
        assert_eq!(begun("lost+found"), None);
    }
}
