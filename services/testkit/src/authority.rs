//! Who signs certificates in a test, and certificates in a folder whose files are replaced as the kubelet does it.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use uuid::Uuid;

/// An authority that only one test knows.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A mounted Secret: links to a link to the folder of its present content.
pub struct Mounted(TempDir);

impl Authority {
    /// Makes one.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // names tell authorities apart
        params.distinguished_name.push(DnType::CommonName, Uuid::now_v7().to_string());
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let issuer = issuer.expect("an authority");
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("ca.crt"), issuer.pem()).expect("it can be written");
        Self { issuer, folder }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The file with its own certificate, in PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// `tls.crt` and `tls.key`, in PEM, of a server at this name or address.
    pub fn signs(&self, host: &str) -> [(&'static str, String); 2] {
        self.signs_for(vec![host.to_owned()])
    }

    /// The same, of one that has several names and addresses.
    pub fn signs_for(&self, hosts: Vec<String>) -> [(&'static str, String); 2] {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(hosts).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        [("tls.crt", certificate.pem()), ("tls.key", key.serialize_pem())]
    }
}

impl Mounted {
    /// A folder with these files, which may lie in folders of it. Anybody may read them.
    pub fn new(files: &[(&str, String)]) -> Self {
        let mounted = Self(TempDir::new().expect("a temporary folder"));
        let everybodys = fs::Permissions::from_mode(0o755);
        fs::set_permissions(mounted.path(), everybodys).expect("it is ours");
        mounted.replace(files);
        let names: BTreeSet<_> = files.iter().filter_map(|(name, _)| name.split('/').next()).collect();
        for name in names {
            symlink(Path::new("..data").join(name), mounted.path().join(name)).expect("a link");
        }
        mounted
    }

    /// Where the files are.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts others in their place, all at once.
    pub fn replace(&self, files: &[(&str, String)]) {
        let (name, data, next) = (format!("..{}", Uuid::now_v7()), self.path().join("..data"), "..data_tmp");
        let before = fs::read_link(&data).ok();
        let write = || -> io::Result<()> {
            fs::create_dir(self.path().join(&name))?;
            for (file, content) in files {
                let file = self.path().join(&name).join(file);
                fs::create_dir_all(file.parent().expect("it lies in a folder"))?;
                fs::write(file, content)?;
            }
            symlink(&name, self.path().join(next))?;
            fs::rename(self.path().join(next), &data)?;
            before.map_or(Ok(()), |before| fs::remove_dir_all(self.path().join(before)))
        };
        write().expect("the files are replaced");
    }
}
