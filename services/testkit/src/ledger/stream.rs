//! Reading server-sent events.

use tracklore_platform::cursor;
use uuid::Uuid;

use super::{
    Moment,
    judge::{Told, What},
};

/// Takes pieces of a stream, gives events.
#[derive(Default)]
pub(super) struct Parser {
    rest: String,
    /// To be sent back to go on from here.
    pub(super) last_id: Option<String>,
}

impl Parser {
    /// What a piece completes.
    pub(super) fn take(&mut self, piece: &[u8], now: Moment) -> Vec<Told> {
        // texts of the ledger are ASCII, so no character is cut in two
        self.rest.push_str(&String::from_utf8_lossy(piece));
        let mut told = Vec::new();
        while let Some(end) = self.rest.find("\n\n") {
            let block: String = self.rest.drain(..end + 2).collect();
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
            if let Some(id) = field("id: ") {
                self.last_id = Some(id.to_owned());
            }
            if let Some(what) = what(field("event: "), field("data: ")) {
                let id = self.last_id.as_deref().and_then(|id| cursor::decode("log", id).ok());
                told.push(Told { at: now, id: id.unwrap_or_default(), what });
            }
        }
        told
    }

    /// The connection is another one.
    pub(super) fn reconnected(&mut self) {
        self.rest.clear();
    }
}

fn what(event: Option<&str>, data: Option<&str>) -> Option<What> {
    let data: serde_json::Value = serde_json::from_str(data?).ok()?;
    let id: Option<Uuid> = data.get("id").and_then(|id| id.as_str()?.parse().ok());
    match event? {
        "activity.created" | "activity.updated" => {
            let version = data.pointer("/post/version")?.as_u64()?;
            Some(What::Shown(id?, usize::try_from(version).ok()?))
        }
        "activity.removed" => Some(What::Removed(id?)),
        "reset" => Some(What::Reset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut_into_pieces() {
        let (first, second) = (cursor::encode("log", &("e", 5, 0)), cursor::encode("log", &("e", 6, 1)));
        let id = Uuid::from_u128(1);
        let text = format!(
            "retry: 2000\nid: {first}\n: here we go\n\n:\n\nid: {second}\nevent: activity.created\n\
             data: {{\"id\":\"{id}\",\"post\":{{\"version\":3}}}}\n\nid: {second}\nevent: reset\ndata: {{}}\n\n"
        );
        for size in [1, 7, text.len()] {
            let mut parser = Parser::default();
            let told: Vec<_> =
                text.as_bytes().chunks(size).flat_map(|piece| parser.take(piece, Moment::ZERO)).collect();
            assert_eq!(
                told.iter().map(|told| told.what).collect::<Vec<_>>(),
                [What::Shown(id, 3), What::Reset]
            );
            assert_eq!(told[0].id, ("e".to_owned(), 6, 1));
            assert_eq!(parser.last_id, Some(second.clone()));
        }
    }
}
