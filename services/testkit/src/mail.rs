//! What the services have mailed: the development transport's folder, read as a mail program would.

use std::{fs, path::Path};

use crate::{Stack, eventually};

/// A mail that was sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text, decoded.
    pub text: String,
    /// The whole mail as it would go over the wire.
    pub raw: String,
}

impl Stack {
    /// Where services mail to, unless told otherwise.
    pub fn mail_url(&self) -> String {
        format!("file://{}", self.mail_folder().display())
    }

    /// Everything that was mailed, in the order in which the mails came to be.
    pub fn mails(&self) -> Vec<Mail> {
        read(&self.mail_folder())
    }

    /// Waits until `address` has a mail with this subject; the last one, if there are several.
    pub async fn mail(&self, address: &str, subject: &str) -> Mail {
        eventually(&format!("{address} gets “{subject}”"), async || {
            self.mails().into_iter().rev().find(|mail| mail.to == address && mail.subject == subject)
        })
        .await
    }
}

impl Mail {
    /// Takes a mail apart that has plain text as its first part.
    pub fn parse(raw: &str) -> Option<Self> {
        let (head, body) = raw.split_once("\r\n\r\n")?;
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
        };
        let (_, part) = body.split_once("Content-Type: text/plain")?;
        let (part_head, text) = part.split_once("\r\n\r\n")?;
        let text = text.split("\r\n--").next().unwrap_or(text);
        let text = if part_head.contains("quoted-printable") { unquote(text) } else { text.to_owned() };
        Some(Self {
            to: header("To")?.trim_matches(['<', '>']).to_owned(),
            subject: header("Subject")?,
            text: text.replace("\r\n", "\n"),
            raw: raw.to_owned(),
        })
    }

    /// The link in it.
    pub fn link(&self) -> &str {
        self.text.lines().find(|line| line.starts_with("http") && line.contains('#')).expect("a link")
    }

    /// The token in its link.
    pub fn token(&self) -> &str {
        self.link().split_once('#').expect("a token behind #").1
    }
}

fn read(folder: &Path) -> Vec<Mail> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    // named by UUIDs of version 7
    paths.sort();
    paths.iter().filter_map(|path| Mail::parse(&fs::read_to_string(path).ok()?)).collect()
}

/// Quoted-printable (RFC 2045 §6.7).
fn unquote(text: &str) -> String {
    let mut bytes = Vec::new();
    let text = text.replace("=\r\n", "");
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let code =
            tail.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(code) if *first == b'=' => {
                bytes.push(code);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
