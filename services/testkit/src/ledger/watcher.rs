//! Readers: one holds a stream and comes back with its last id whenever it is cut, others page through lists.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Door, Ledger,
    judge::{Harm, Heard, Scope, Told},
    stream::Parser,
};
use crate::Answer;

/// A stream says something every 15 seconds; a silent one has been cut.
const SILENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(12);
/// Pages of a list that a reader turns.
const PAGES: usize = 3;

/// Holds a stream.
pub struct Watcher {
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Listens from now on; waits until the first connection stands.
    pub async fn begin(ledger: &Arc<Ledger>, door: &Door, scope: Scope) -> Self {
        let heard = Arc::new(Mutex::new(Heard { scope, since: ledger.now(), told: Vec::new() }));
        let connected = Arc::new(tokio::sync::Notify::new());
        let task = tokio::spawn({
            let (ledger, door, heard, connected) =
                (Arc::clone(ledger), door.clone(), Arc::clone(&heard), Arc::clone(&connected));
            async move {
                let mut parser = Parser::default();
                loop {
                    parser.reconnected();
                    drop(listen(&ledger, &door, scope, &mut parser, &heard, &connected).await);
                    sleep(AGAIN).await;
                }
            }
        });
        connected.notified().await;
        heard.lock().unwrap_or_else(PoisonError::into_inner).since = ledger.now();
        Self { heard, task }
    }

    /// What it was told so far.
    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, to its end.
async fn listen(
    ledger: &Ledger,
    door: &Door,
    scope: Scope,
    parser: &mut Parser,
    heard: &Mutex<Heard>,
    connected: &tokio::sync::Notify,
) -> Result<(), reqwest::Error> {
    let scope = match scope {
        Scope::Global => "global".to_owned(),
        Scope::Author(id) => format!("user:{id}"),
    };
    let mut request = door.feed(&format!("/v1/feed/stream?scope={scope}"));
    if let Some(id) = &parser.last_id {
        request = request.header("last-event-id", id);
    }
    let Ok(answer) = timeout(PATIENCE, request.send()).await else { return Ok(()) };
    let mut answer = answer?.error_for_status()?;
    while let Ok(Some(piece)) = timeout(SILENCE, answer.chunk()).await.unwrap_or(Ok(None)) {
        let told: Vec<Told> = parser.take(&piece, ledger.now());
        heard.lock().unwrap_or_else(PoisonError::into_inner).told.extend(told);
        connected.notify_one();
    }
    Ok(())
}

/// Pages through the lists of everybody and of these authors, in turn, until `stop`.
pub async fn read_pages(ledger: &Ledger, door: &Door, authors: &[i64], stop: CancellationToken) {
    let lists = std::iter::once("/v1/feed/global".to_owned());
    let lists: Vec<_> = lists.chain(authors.iter().map(|id| format!("/v1/feed/users/{id}"))).collect();
    for list in lists.iter().cycle() {
        let Some(read) = stop.run_until_cancelled(read_list(ledger, door, list)).await else { return };
        if let Some(items) = read {
            ledger.seen().add(judge_pages(list, &items));
        }
        stop.run_until_cancelled(sleep(AGAIN / 4)).await;
    }
}

/// Some pages of a list; none when one of them wasn't to be had.
async fn read_list(ledger: &Ledger, door: &Door, list: &str) -> Option<Vec<Value>> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..PAGES {
        let request = door.feed(&format!("{list}?limit=50{cursor}")).timeout(PATIENCE);
        let mut answer = Answer::attempt(request).await.ok().filter(|answer| answer.status == 200)?;
        ledger.reads.beat();
        all.append(answer.json.get_mut("items")?.as_array_mut()?);
        match answer.json.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    Some(all)
}

/// Pages read one after the other neither repeat a post nor go back in time, whatever is written meanwhile.
fn judge_pages(list: &str, items: &[Value]) -> Harm {
    let mut harm = Harm::default();
    let text =
        |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let keys: Vec<_> = items.iter().map(|item| (text(item, "occurred_at"), text(item, "id"))).collect();
    let ids: BTreeSet<_> = keys.iter().map(|(_, id)| id).collect();
    if ids.len() < keys.len() {
        harm.doubled.push(format!("pages of {list} show {} posts twice", keys.len() - ids.len()));
    } else if !keys.is_sorted_by(|newer, older| newer > older) {
        harm.reordered.push(format!("pages of {list} aren't in the order of their posts"));
    }
    harm
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_that_repeat_or_go_back_are_seen() {
        let item = |second: u32, id: &str| json!({"occurred_at": format!("2026-11-20T09:30:0{second}.000Z"), "id": id});
        let (a, b, c) = (item(1, "a"), item(2, "b"), item(2, "c"));
        assert!(judge_pages("x", &[c.clone(), b.clone(), a.clone()]).is_none());
        assert_eq!(judge_pages("x", &[b.clone(), c, a.clone()]).reordered.len(), 1);
        assert_eq!(judge_pages("x", &[b.clone(), a, b]).doubled.len(), 1);
    }
}
