//! A support bundle: files in a compressed archive, from each of which what looks like a secret is removed. There is no way
//! into the archive but through that.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use serde_json::Value;

use crate::{Error, manifests::yaml, redact};

/// Files, as they will stand in the archive.
pub struct Bundle {
    root: String,
    at: Timestamp,
    files: Vec<(String, String)>,
}

impl Bundle {
    /// An empty one; everything lies in the folder `root`.
    pub fn new(root: String, at: Timestamp) -> Self {
        Self { root, at, files: Vec::new() }
    }

    /// Adds a text.
    pub fn text(&mut self, path: &str, text: &str) {
        self.files.push((path.to_owned(), redact::text(text)));
    }

    /// Adds an object of the cluster.
    pub fn object(&mut self, path: &str, mut object: Value) -> Result<(), Error> {
        redact::object(&mut object);
        self.files.push((path.to_owned(), yaml(&object)?));
        Ok(())
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Writes the archive.
    pub fn write(&self, to: impl Write) -> std::io::Result<()> {
        let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
        for (path, content) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(self.at.as_second().unsigned_abs());
            archive.append_data(&mut header, format!("{}/{path}", self.root), content.as_bytes())?;
        }
        archive.into_inner()?.finish()?.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use serde_json::json;

    use super::*;

    /// Everything that an archive holds, one after the other.
    fn unpacked(archive: &[u8]) -> String {
        let mut text = String::new();
        let mut archive = tar::Archive::new(GzDecoder::new(archive));
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            text.extend(["== ", &entry.path().unwrap().to_string_lossy(), "\n"]);
            entry.read_to_string(&mut text).unwrap();
        }
        text
    }

    #[test]
    fn no_known_secret_is_in_the_archive_wherever_it_stood() {
        let secret = "Xk29dPq7LmVt4RzW8sYbN3cJ6hGf1aQe5uTo0iEx";
        let mut bundle = Bundle::new("demo".to_owned(), Timestamp::UNIX_EPOCH);
        bundle.text(
            "logs/auth.log",
            &format!(
                "{{\"message\":\"refused\",\"url\":\"postgres://u:{secret}@h/d\"}}\nPGPASSWORD={secret}\n"
            ),
        );
        bundle.text("status.txt", "demo/demo  0.1.0  Ready for 2h\n");
        let object = json!({
            "kind": "Pod",
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret}},
            "spec": {"containers": [{
                "args": [format!("--password={secret}"), format!("--url=redis://feed:{secret}@redis:6379")],
                "env": [{"name": "MINE", "value": secret}],
            }]},
            "status": {"message": format!("wrong client_secret: {secret}")},
        });
        bundle.object("objects/pod.yaml", object).unwrap();
        bundle.object("objects/secret.yaml", json!({"kind": "Secret", "data": {"a": secret}})).unwrap();
        let mut archive = Vec::new();
        bundle.write(&mut archive).unwrap();
        let text = unpacked(&archive);
        assert!(!text.contains(secret), "{text}");
        assert_eq!(bundle.len(), 4);
        for kept in
            ["== demo/logs/auth.log", "refused", "Ready for 2h", "== demo/objects/pod.yaml", "redis:6379"]
        {
            assert!(text.contains(kept), "{kept} is gone: {text}");
        }
    }
}
