//! Keeps a copy, and takes away those that are too old.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt, buffered::BufWriter, path::Path as StorePath};
use sha2::{Digest, Sha256};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
};
use tracklore_seal::Secrets;

use crate::{
    copy::{self, Copy, DUMP, File, LABEL, SEAL},
    fetch,
    shelf::Shelf,
};

/// What was begun and not ended goes after this time: until then somebody may be at it.
const ABANDONED: SignedDuration = SignedDuration::from_hours(24);
/// How much of a dump is in memory at a time.
const CHUNK: usize = 1 << 20;

/// Why no copy was kept. What was written of it is no copy, and goes with a later one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to keep.
    #[error("no dump lies in {0}")]
    NoDumps(String),
    /// A file can't be read.
    #[error("{0} can't be read")]
    Read(String, #[source] io::Error),
    /// A file can't be written.
    #[error("{0} can't be written to the shelf")]
    Write(StorePath, #[source] io::Error),
    /// The Secrets can't be sealed.
    #[error("the Secrets can't be sealed")]
    Seal(#[from] tracklore_seal::Error),
    /// The label can't be made.
    #[error("the copy can't be described")]
    Label(#[from] serde_json::Error),
    /// The shelf doesn't do what is asked of it.
    #[error("the shelf refuses")]
    Shelf(#[from] object_store::Error),
}

/// Reads Secrets as they are mounted: a folder each, in it a file for each key.
pub async fn read_secrets(folder: &Path) -> Result<Secrets, Error> {
    let mut secrets = Secrets::default();
    for name in names(folder).await? {
        let folder = folder.join(&name);
        let mut entries = BTreeMap::new();
        for key in names(&folder).await? {
            let text = fs::read_to_string(folder.join(&key)).await;
            entries.insert(key.clone(), text.map_err(|error| Error::Read(format!("{name}/{key}"), error))?);
        }
        secrets.0.insert(name, entries);
    }
    Ok(secrets)
}

/// What lies in a folder. What begins with a dot is how mounted Secrets are exchanged.
async fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |error| Error::Read(folder.display().to_string(), error);
    let mut entries = fs::read_dir(folder).await.map_err(failed)?;
    let mut names = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        names.extend(entry.file_name().into_string().ok().filter(|name| !name.starts_with('.')));
    }
    names.sort();
    Ok(names)
}

/// Keeps the dumps of a folder and the Secrets as a new copy.
pub async fn store(
    shelf: &Shelf,
    folder: &Path,
    secrets: &Secrets,
    key: &str,
    now: Timestamp,
) -> Result<Copy, Error> {
    // before anything is written: a key that can't be used is told at once
    let seal = secrets.seal(key)?;
    let mut copy = Copy { name: free_name(shelf, now).await?, dumps: BTreeMap::new() };
    for name in names(folder).await?.into_iter().filter(|name| name.ends_with(DUMP)) {
        let file = upload(shelf, &copy.name, &name, &folder.join(&name)).await?;
        copy.dumps.insert(name, file);
    }
    if copy.dumps.is_empty() {
        return Err(Error::NoDumps(folder.display().to_string()));
    }
    shelf.store.put(&shelf.file(&copy.name, SEAL), seal.into_bytes().into()).await?;
    shelf.store.put(&shelf.file(&copy.name, LABEL), serde_json::to_vec_pretty(&copy)?.into()).await?;
    Ok(copy)
}

/// The name of the present second, or of the first one after it that no other copy has.
async fn free_name(shelf: &Shelf, now: Timestamp) -> Result<String, Error> {
    let taken = fetch::folders(shelf).await?;
    let names = (0..).map_while(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok());
    let mut names = names.map(copy::name).filter(|name| !taken.contains(name));
    Ok(names.next().unwrap_or_else(|| copy::name(now)))
}

async fn upload(shelf: &Shelf, copy: &str, name: &str, from: &Path) -> Result<File, Error> {
    let to = shelf.file(copy, name);
    let read = |error| Error::Read(name.to_owned(), error);
    let write = |error| Error::Write(to.clone(), error);
    let mut source = fs::File::open(from).await.map_err(read)?;
    let mut target = BufWriter::new(Arc::clone(&shelf.store), to.clone());
    let (mut bytes, mut hash, mut chunk) = (0, Sha256::new(), vec![0; CHUNK]);
    loop {
        let count = source.read(&mut chunk).await.map_err(read)?;
        let Some(part) = chunk.get(..count).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += part.len() as u64;
        target.write_all(part).await.map_err(write)?;
    }
    target.shutdown().await.map_err(write)?;
    Ok(File { bytes, sha256: copy::hex(&hash.finalize()) })
}

/// Removes the oldest copies but `keep`, and what was begun long ago and never ended. What is gone.
pub async fn prune(shelf: &Shelf, keep: usize, now: Timestamp) -> Result<Vec<String>, Error> {
    let (mut whole, mut gone) = (Vec::new(), Vec::new());
    for name in fetch::folders(shelf).await? {
        let begun = copy::begun(&name);
        if fetch::is_whole(shelf, &name).await? {
            whole.push(name);
        } else if begun.is_some_and(|begun| now.duration_since(begun) > ABANDONED) {
            gone.push(name);
        }
    }
    gone.extend(whole.iter().take(whole.len().saturating_sub(keep)).cloned());
    for name in &gone {
        remove(shelf, name).await?;
    }
    Ok(gone)
}

/// Its label first: what is half gone is no copy.
async fn remove(shelf: &Shelf, name: &str) -> Result<(), Error> {
    match shelf.store.delete(&shelf.file(name, LABEL)).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = shelf.folder().clone().join(name);
    let files: Vec<_> = shelf.store.list(Some(&folder)).map_ok(|file| file.location).try_collect().await?;
    for file in files {
        shelf.store.delete(&file).await?;
    }
    Ok(())
}
