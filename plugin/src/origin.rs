//! Where the copies lie that a new stack could begin with, and whose they are: as the command line says, else as the stack
//! says that they are of, while it is there, else as a manifest of it says.

use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject},
};
use serde_json::Value;
use tracklore_operator::api::v1alpha1::{Backup, Bucket, ClaimRef, SecretRef, Shelf, TrackloreStack};

use crate::Error;

/// The place, as the command line says it.
#[derive(clap::Args, Debug, Default)]
pub struct Place {
    /// Where copies lie: `claim/NAME` or `s3://BUCKET/PREFIX`; where spec.backup says when left out
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Address of the bucket's server, such as `https://minio.example.org:9000`; AWS when left out
    #[arg(long, requires = "from", value_name = "URL")]
    endpoint: Option<String>,
    /// Region of the bucket
    #[arg(long, requires = "from", default_value = "us-east-1")]
    region: String,
    /// Secret that opens the bucket: access-key-id and secret-access-key
    #[arg(long, requires = "from", value_name = "SECRET")]
    bucket_secret: Option<String>,
    /// Secret whose ca.crt says who signs for the bucket's server
    #[arg(long, requires = "from", value_name = "SECRET")]
    ca_secret: Option<String>,
    /// Secret whose key `key` the copies are sealed with; that of spec.backup when left out
    #[arg(long, value_name = "SECRET")]
    key_secret: Option<String>,
}

/// A stack that copies are of, whether it is still there or not.
#[derive(Debug)]
pub struct Former {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it asks for, where it is still there.
    pub spec: Option<Value>,
}

/// Where copies lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The place.
    pub shelf: Shelf,
    /// The Secret that they were sealed with, where one is known.
    pub key: Option<SecretRef>,
    /// Whether a stack that is there keeps its copies in this place: then its pods are let through to it.
    pub in_use: bool,
}

impl Former {
    /// Looks for the stack. One that may not be seen is taken for gone: what it would have told, the command line has to.
    pub async fn find(client: &Client, namespace: String, name: String) -> Result<Self, Error> {
        let kind = ApiResource::erase::<TrackloreStack>(&());
        let stacks = Api::<DynamicObject>::namespaced_with(client.clone(), &namespace, &kind);
        let spec = match stacks.get_opt(&name).await {
            Ok(stack) => stack.and_then(|mut stack| stack.data.get_mut("spec").map(Value::take)),
            Err(kube::Error::Api(status)) if status.code == 403 => {
                eprintln!(
                    "You may not see stack {name} in namespace {namespace}, so it counts as gone: nobody has looked whether the \
                     new one would use what is that one's."
                );
                None
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Self { name, namespace, spec })
    }

    /// The folder of its copies, which is how they are told apart.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl Origin {
    /// Where the copies of a stack lie.
    pub fn of(former: &Former, manifest: Option<&TrackloreStack>, place: &Place) -> Result<Self, Error> {
        let own = former.spec.as_ref().and_then(|spec| spec.get("backup")).cloned();
        let own: Option<Backup> =
            own.map(serde_json::from_value).transpose().map_err(|error| unknown(&error))?;
        let kept = own.clone().or_else(|| manifest.and_then(|stack| stack.spec.backup.clone()));
        let shelf = match place.shelf()? {
            Some(shelf) => shelf,
            None => match &kept {
                Some(backup) => backup.target.clone(),
                None => return Err(Error::Refused(nowhere(former, manifest))),
            },
        };
        let key = place.key_secret.clone().map(|name| SecretRef { name });
        Ok(Self {
            in_use: own.is_some_and(|backup| backup.target == shelf),
            key: key.or(kept.map(|backup| backup.key_secret_ref)),
            shelf,
        })
    }

    /// The Secret that the copies are sealed with; a stack can't begin without.
    pub fn key(&self) -> Result<SecretRef, Error> {
        self.key.clone().ok_or_else(|| Error::Refused(
            "nothing says which Secret the copies are sealed with; name the one that spec.backup.keySecretRef named, by --key-secret".to_owned(),
        ))
    }

    /// The place in words.
    pub fn place(&self) -> String {
        match (&self.shelf.claim, &self.shelf.s3) {
            (Some(claim), _) => format!("claim {}", claim.name),
            (None, Some(bucket)) if bucket.prefix.is_empty() => format!("bucket {}", bucket.bucket),
            (None, Some(bucket)) => format!("{} of bucket {}", bucket.prefix, bucket.bucket),
            (None, None) => "no place".to_owned(),
        }
    }
}

impl Place {
    fn shelf(&self) -> Result<Option<Shelf>, Error> {
        let Some(from) = &self.from else { return Ok(None) };
        if let Some(name) = from.strip_prefix("claim/").filter(|name| !name.is_empty()) {
            let bucket = [&self.endpoint, &self.bucket_secret, &self.ca_secret];
            if bucket.iter().any(|flag| flag.is_some()) {
                return Err(Error::Refused(
                    "--endpoint, --bucket-secret and --ca-secret are for buckets; leave them out with a claim".to_owned(),
                ));
            }
            return Ok(Some(Shelf { claim: Some(ClaimRef { name: name.to_owned() }), s3: None }));
        }
        let Some(path) = from.strip_prefix("s3://").filter(|path| !path.is_empty()) else {
            return Err(Error::Refused(format!(
                "--from {from} is no place for copies; give claim/NAME or s3://BUCKET/PREFIX"
            )));
        };
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let Some(secret) = self.bucket_secret.clone() else {
            return Err(Error::Refused(
                "a bucket doesn't open by itself; name the Secret with access-key-id and secret-access-key by --bucket-secret".to_owned(),
            ));
        };
        let s3 = Bucket {
            endpoint: self.endpoint.clone().map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
            region: self.region.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            secret_ref: SecretRef { name: secret },
            ca_secret_ref: self.ca_secret.clone().map(|name| SecretRef { name }),
        };
        Ok(Some(Shelf { s3: Some(s3), claim: None }))
    }
}

/// What is said of a stack whose spec can't be read.
pub fn unknown(error: &serde_json::Error) -> Error {
    Error::Refused(format!(
        "the stack asks for something that this kubectl-tracklore doesn't know ({error}); take the one of the operator's version"
    ))
}

/// Why nothing says where copies lie.
fn nowhere(former: &Former, manifest: Option<&TrackloreStack>) -> String {
    let Former { name, namespace, spec } = former;
    let why = match (spec, manifest) {
        (Some(_), None) => format!("stack {name} keeps no copies (it has no spec.backup)"),
        (Some(_), Some(_)) => format!("neither stack {name} nor the manifest keeps copies (spec.backup)"),
        (None, Some(stack)) => {
            format!(
                "there is no stack {name} in namespace {namespace}, and the manifest of {} has no spec.backup",
                stack.name_any()
            )
        }
        (None, None) => {
            format!("there is no stack {name} in namespace {namespace} that says where its copies lie")
        }
    };
    format!(
        "{why}. If it was in another namespace, add --from-namespace; otherwise say where copies lie: \
         --from claim/NAME, or --from s3://BUCKET/PREFIX with --bucket-secret, and --key-secret"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn former(spec: Option<Value>) -> Former {
        Former { name: "social".into(), namespace: "demo".into(), spec }
    }

    fn kept() -> Value {
        json!({"backup": {"schedule": "@daily", "target": {"claim": {"name": "copies"}}, "keySecretRef": {"name": "seal"}}})
    }

    fn refused(former: &Former, place: &Place) -> String {
        Origin::of(former, None, place).unwrap_err().to_string()
    }

    #[test]
    fn a_stack_that_is_there_says_where_its_copies_lie() {
        let origin = Origin::of(&former(Some(kept())), None, &Place::default()).unwrap();
        assert_eq!((origin.place().as_str(), origin.in_use), ("claim copies", true));
        assert_eq!(origin.key().unwrap().name, "seal");
    }

    #[test]
    fn the_command_line_says_it_of_a_stack_that_is_gone() {
        let place = Place {
            from: Some("s3://copies/of/ours/".into()),
            endpoint: Some("https://minio.example.org/".into()),
            region: "eu-1".into(),
            bucket_secret: Some("s3".into()),
            key_secret: Some("seal".into()),
            ..Place::default()
        };
        let origin = Origin::of(&former(None), None, &place).unwrap();
        assert_eq!((origin.place().as_str(), origin.in_use), ("of/ours of bucket copies", false));
        let expected = json!({"endpoint": "https://minio.example.org", "region": "eu-1", "bucket": "copies",
            "prefix": "of/ours", "secretRef": {"name": "s3"}});
        assert_eq!(serde_json::to_value(&origin.shelf).unwrap(), json!({"s3": expected}));
    }

    #[test]
    fn what_nobody_says_is_asked_for() {
        let place = |from: &str| Place { from: Some(from.into()), ..Place::default() };
        let nothing = Place::default();
        assert!(refused(&former(None), &nothing).starts_with("there is no stack social in namespace demo"));
        assert!(refused(&former(Some(json!({}))), &nothing).starts_with("stack social keeps no copies"));
        assert!(
            refused(&former(None), &place("ftp://there")).contains("give claim/NAME or s3://BUCKET/PREFIX")
        );
        assert!(refused(&former(None), &place("s3://copies")).contains("--bucket-secret"));
        let origin = Origin::of(&former(None), None, &place("claim/copies")).unwrap();
        assert!(origin.key().unwrap_err().to_string().contains("--key-secret"));
    }
}
