//! Where copies lie: a folder of a bucket, or of a volume.

use std::{path::PathBuf, sync::Arc};

use object_store::{ObjectStore, aws::AmazonS3Builder, local::LocalFileSystem, path::Path};
use url::Url;

use crate::https::{self, Https};

/// Which shelf, and how to get at it.
#[derive(clap::Args)]
pub struct ShelfArgs {
    /// `s3://bucket/prefix`, or `file:///folder`.
    #[arg(long, env = "TRACKLORE_BACKUP_SHELF")]
    shelf: Url,
    /// Whose copies: `<namespace>/<stack>`, a folder of the shelf.
    #[arg(long, env = "TRACKLORE_BACKUP_STACK")]
    stack: String,
    /// Address of the S3 server; that of AWS in the region when left out.
    #[arg(long, env = "TRACKLORE_BACKUP_S3_ENDPOINT")]
    endpoint: Option<Url>,
    /// Region of the bucket.
    #[arg(long, env = "TRACKLORE_BACKUP_S3_REGION", default_value = "us-east-1")]
    region: String,
    /// Id of the access key.
    #[arg(long, env = "TRACKLORE_BACKUP_S3_ACCESS_KEY_ID")]
    access_key_id: Option<String>,
    /// The access key.
    #[arg(long, env = "TRACKLORE_BACKUP_S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    secret_access_key: Option<String>,
    /// Certificates, in PEM, of who signs the server's; the public ones count as well.
    #[arg(long, env = "TRACKLORE_BACKUP_S3_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// Why there is no shelf.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is of no kind that is known.
    #[error("{0} is no shelf; give s3://bucket/prefix or file:///folder")]
    Address(Url),
    /// A bucket without a login.
    #[error(
        "a bucket needs TRACKLORE_BACKUP_S3_ACCESS_KEY_ID and TRACKLORE_BACKUP_S3_SECRET_ACCESS_KEY; set both"
    )]
    Login,
    /// No connection can be made.
    #[error(transparent)]
    Https(#[from] https::Error),
    /// The store doesn't take its settings.
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

/// A folder for the copies of one stack.
pub struct Shelf {
    /// The store that it is in.
    pub store: Arc<dyn ObjectStore>,
    folder: Path,
}

impl Shelf {
    /// Opens a shelf; nothing is asked of it yet.
    pub fn open(args: &ShelfArgs) -> Result<Self, Error> {
        match args.shelf.scheme() {
            "file" => {
                let folder = args.shelf.to_file_path().map_err(|()| Error::Address(args.shelf.clone()))?;
                let store = LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true);
                Ok(Self { store: Arc::new(store), folder: Path::from(args.stack.as_str()) })
            }
            "s3" => {
                let folder = format!("{}/{}", args.shelf.path().trim_matches('/'), args.stack);
                Ok(Self { store: bucket(args)?, folder: Path::from(folder.as_str()) })
            }
            _ => Err(Error::Address(args.shelf.clone())),
        }
    }

    /// Where the copies are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file of a copy is.
    pub fn file(&self, copy: &str, file: &str) -> Path {
        self.folder.clone().join(copy).join(file)
    }
}

fn bucket(args: &ShelfArgs) -> Result<Arc<dyn ObjectStore>, Error> {
    let name = args.shelf.host_str().ok_or_else(|| Error::Address(args.shelf.clone()))?;
    let (Some(id), Some(key)) = (&args.access_key_id, &args.secret_access_key) else {
        return Err(Error::Login);
    };
    let mut bucket = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(&args.region)
        .with_access_key_id(id)
        .with_secret_access_key(key)
        .with_http_connector(Https::new(args.ca_file.as_deref())?);
    if let Some(endpoint) = &args.endpoint {
        bucket = bucket
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_allow_http(endpoint.scheme() == "http");
    }
    Ok(Arc::new(bucket.build()?))
}
