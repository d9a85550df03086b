//! Brings a copy back: finds it, and checks each file against what the copy says of it.

use std::path::Path;

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::{fs, io::AsyncWriteExt};

use crate::{
    copy::{self, Copy, File, LABEL, SEAL},
    shelf::Shelf,
};

/// The copy that was ended last.
const LATEST: &str = "latest";

/// Why a copy doesn't come back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none at all.
    #[error("no copy lies in {0}; are shelf, namespace and name of the stack right?")]
    None(object_store::path::Path),
    /// There is none of that name.
    #[error("copy {0} isn't there; there are {1}")]
    Unknown(String, String),
    /// Its label can't be read.
    #[error("copy {0} isn't described in a way that this version can read")]
    Label(String, #[source] serde_json::Error),
    /// A file isn't what it was.
    #[error("{0} of copy {1} isn't what was kept: {2} bytes with SHA-256 {3}; take another copy")]
    Damaged(String, String, u64, String),
    /// A file can't be written.
    #[error("{0} can't be written")]
    Write(String, #[source] std::io::Error),
    /// The shelf doesn't do what is asked of it.
    #[error("the shelf refuses")]
    Shelf(#[from] object_store::Error),
}

/// The folders that are named like copies, oldest first, whole or not.
pub async fn folders(shelf: &Shelf) -> Result<Vec<String>, object_store::Error> {
    let found = shelf.store.list_with_delimiter(Some(shelf.folder())).await?.common_prefixes;
    let names = found.iter().filter_map(|folder| folder.filename());
    let mut names: Vec<_> = names.filter(|name| copy::begun(name).is_some()).map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// Whether a copy was ended.
pub async fn is_whole(shelf: &Shelf, name: &str) -> Result<bool, object_store::Error> {
    match shelf.store.head(&shelf.file(name, LABEL)).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// All copies, oldest first.
pub async fn all(shelf: &Shelf) -> Result<Vec<Copy>, Error> {
    let mut copies = Vec::new();
    for name in folders(shelf).await? {
        if is_whole(shelf, &name).await? {
            copies.push(read(shelf, &name).await?);
        }
    }
    Ok(copies)
}

/// The copy of a name, or the one that was ended last.
pub async fn choose(shelf: &Shelf, asked: &str) -> Result<Copy, Error> {
    let mut names = Vec::new();
    for name in folders(shelf).await? {
        if is_whole(shelf, &name).await? {
            names.push(name);
        }
    }
    let Some(latest) = names.last() else { return Err(Error::None(shelf.folder().clone())) };
    let name = if asked == LATEST { latest } else { asked };
    if !names.iter().any(|there| there == name) {
        return Err(Error::Unknown(asked.to_owned(), names.join(", ")));
    }
    read(shelf, name).await
}

async fn read(shelf: &Shelf, name: &str) -> Result<Copy, Error> {
    let label = shelf.store.get(&shelf.file(name, LABEL)).await?.bytes().await?;
    serde_json::from_slice(&label).map_err(|error| Error::Label(name.to_owned(), error))
}

/// The sealed Secrets of a copy.
pub async fn seal(shelf: &Shelf, copy: &Copy) -> Result<Vec<u8>, Error> {
    Ok(shelf.store.get(&shelf.file(&copy.name, SEAL)).await?.bytes().await?.to_vec())
}

/// Brings the dumps of a copy into a folder.
pub async fn dumps(shelf: &Shelf, copy: &Copy, folder: &Path) -> Result<(), Error> {
    for (name, expected) in &copy.dumps {
        download(shelf, copy, name, expected, &folder.join(name)).await?;
    }
    Ok(())
}

async fn download(shelf: &Shelf, copy: &Copy, name: &str, expected: &File, to: &Path) -> Result<(), Error> {
    let write = |error| Error::Write(to.display().to_string(), error);
    let mut target = fs::File::create(to).await.map_err(write)?;
    let (mut bytes, mut hash) = (0, Sha256::new());
    let mut source = shelf.store.get(&shelf.file(&copy.name, name)).await?.into_stream();
    while let Some(part) = source.try_next().await? {
        hash.update(&part);
        bytes += part.len() as u64;
        target.write_all(&part).await.map_err(write)?;
    }
    target.flush().await.map_err(write)?;
    let got = File { bytes, sha256: copy::hex(&hash.finalize()) };
    if got != *expected {
        return Err(Error::Damaged(name.to_owned(), copy.name.clone(), got.bytes, got.sha256));
    }
    Ok(())
}
