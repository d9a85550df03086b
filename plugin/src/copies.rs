//! The copies that lie in a place: asked by the Job with which the operator begins a stack that is made from one, told to list
//! them instead. So nothing is given to it that such a stack wouldn't get.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde::Serialize;
use tracklore_operator::stack::{
    component::MANAGED_BY,
    validate::{self, Refusal},
};

use crate::{
    Error,
    jobs::{self, Ended},
    manifests,
    origin::{Former, Origin},
    restored,
    terminal::{Terminal, Tone, WIDTH, ago, columns, wrap},
};

/// The copy that was made last.
pub const LATEST: &str = "latest";
/// How long the Job may take, and how long it stays when nobody removes it: who asked may have gone.
const DEADLINE: i64 = 120;
const KEPT: i32 = 60;

/// A copy that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Its name.
    pub name: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// How large it is.
    pub bytes: u64,
    /// How large its dumps are, by the names of their files.
    pub dumps: BTreeMap<String, u64>,
}

/// The copies of a stack, oldest first. `spec` is of a stack that may run here, if there is one: it says where images come from.
pub async fn list(
    client: &Client,
    namespace: &str,
    former: &Former,
    origin: &Origin,
    spec: Option<serde_json::Value>,
) -> Result<Vec<Copy>, Error> {
    let hint = if spec.is_none() { "; a manifest by -f says where images come from" } else { "" };
    let jobs = Api::<Job>::namespaced(client.clone(), namespace);
    let job = job(namespace, former, origin, spec.unwrap_or_else(restored::least))?;
    let name = jobs.create(&PostParams::default(), &job).await?.name_any();
    let ended = tokio::select! {
        ended = jobs::end(client, namespace, &name) => ended,
        _ = tokio::signal::ctrl_c() => Err(Error::Refused("stopped; nothing was made".to_owned())),
    };
    // What isn't removed here removes itself.
    drop(jobs.delete(&name, &DeleteParams::background()).await);
    let told = |why: String| {
        Error::Refused(format!("what lies in {} can't be looked at: {}", origin.place(), why.trim()))
    };
    match ended {
        Ok(Ended { well: true, said }) => parse(&said),
        Ok(Ended { well: false, said }) if said.trim().is_empty() => Err(told(format!(
            "the Job didn't end within {DEADLINE} s; is the place reached from the cluster?"
        ))),
        Ok(Ended { said, .. }) => Err(told(said)),
        Err(Error::Refused(why)) => Err(told(format!("{why}{hint}"))),
        Err(error) => Err(error),
    }
}

/// The Job. It belongs to nobody, so the operator leaves it alone.
fn job(namespace: &str, former: &Former, origin: &Origin, spec: serde_json::Value) -> Result<Job, Error> {
    let stack = restored::asker(namespace, former, origin, spec)?;
    let stack =
        validate::validate(&stack).map_err(|Refusal(sentences)| Error::Refused(sentences.join("\n")))?;
    let job = manifests::reader_of_copies(&stack);
    let mut job =
        job.ok_or_else(|| Error::Refused("a stack made like this has no copies to begin with".to_owned()))?;
    // Pods of the stack are let through to where it keeps its copies, and to no other place.
    let here = origin.in_use && former.namespace == namespace;
    let mut labels = job.metadata.labels.take().filter(|_| here).unwrap_or_default();
    labels.remove(MANAGED_BY);
    job.metadata = ObjectMeta {
        generate_name: Some("tracklore-copies-".into()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels.clone()),
        ..ObjectMeta::default()
    };
    let Some(spec) = &mut job.spec else { return Ok(job) };
    spec.backoff_limit = Some(0);
    spec.active_deadline_seconds = Some(DEADLINE);
    spec.ttl_seconds_after_finished = Some(KEPT);
    spec.template.metadata = Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() });
    for container in spec.template.spec.iter_mut().flat_map(|pod| &mut pod.containers) {
        container.name = "list".into();
        container.args = Some(vec!["list".into()]);
        let env = container.env.iter_mut();
        env.for_each(|env| env.retain(|variable| variable.name != "TRACKLORE_BACKUP_COPY"));
        let shelf = container.volume_mounts.iter_mut().flatten().filter(|mount| mount.name == "shelf");
        shelf.for_each(|mount| mount.read_only = Some(true));
    }
    Ok(job)
}

/// What the program prints: `20261122T030000Z: auth.dump 17 bytes; posts.dump 4 bytes;` for each.
fn parse(said: &str) -> Result<Vec<Copy>, Error> {
    let copy = |line: &str| {
        let (name, files) = line.split_once(':')?;
        let files = files.split(';').map(str::trim).filter(|file| !file.is_empty());
        let dumps = files.map(|file| {
            let (name, size) = file.strip_suffix(" bytes")?.rsplit_once(' ')?;
            Some((name.to_owned(), size.parse().ok()?))
        });
        let dumps: BTreeMap<String, u64> = dumps.collect::<Option<_>>()?;
        let begun =
            DateTime::strptime("%Y%m%dT%H%M%SZ", name).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(Copy { name: name.to_owned(), begun, bytes: dumps.values().sum(), dumps })
    };
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    let copies = lines.map(|line| copy(line).ok_or_else(|| Error::Refused(format!(
        "the program that keeps copies says what this kubectl-tracklore doesn't understand ({line}); take the one of the stack's version"
    ))));
    copies.collect()
}

/// The copy of a name, or the last one.
pub fn choose<'a>(
    copies: &'a [Copy],
    asked: &str,
    former: &Former,
    origin: &Origin,
) -> Result<&'a Copy, Error> {
    let Some(last) = copies.last() else { return Err(Error::Refused(none(former, origin))) };
    if asked == LATEST {
        return Ok(last);
    }
    copies.iter().find(|copy| copy.name == asked).ok_or_else(|| {
        let names: Vec<_> = copies.iter().map(|copy| copy.name.as_str()).collect();
        Error::Refused(format!("copy {asked} isn't there; choose by --copy one of {}", names.join(", ")))
    })
}

fn none(former: &Former, origin: &Origin) -> String {
    format!(
        "no copy of {} lies in {}; if the stack had another name or namespace, give them: kubectl tracklore restore NAME --from-namespace NAMESPACE",
        former.folder(),
        origin.place()
    )
}

/// On 80 columns, the newest last.
pub fn text(copies: &[Copy], former: &Former, origin: &Origin, now: Timestamp, terminal: Terminal) -> String {
    if copies.is_empty() {
        return format!("{}\n", wrap(&none(former, origin), "", WIDTH));
    }
    let mut rows = vec![["COPY", "AGE", "SIZE", "DATABASES"].map(str::to_owned).to_vec()];
    rows.extend(copies.iter().map(|copy| {
        let databases: Vec<_> = copy.dumps.keys().map(|file| file.trim_end_matches(".dump")).collect();
        vec![copy.name.clone(), ago(now, copy.begun), size(copy.bytes), databases.join(", ")]
    }));
    let mut lines = columns(&rows);
    if let Some(head) = lines.first_mut() {
        *head = terminal.paint(Tone::Quiet, head);
    }
    let title = format!("Copies of {} in {}", former.folder(), origin.place());
    format!(
        "{}\n\n{}\n\nA new stack begins with the last by --as NAME, with another by --copy COPY.\n",
        terminal.paint(Tone::Strong, &title),
        lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    )
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, size(self.bytes))
    }
}

/// A size as people say it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded down; sizes are far from what wouldn't fit.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10_240
        && let Some(next) = units.next()
    {
        tenths /= 1024;
        unit = Some(next);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, unit.unwrap_or(&"B"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracklore_operator::api::v1alpha1::Shelf;

    use super::*;

    const SAID: &str = "\
20261120T030000Z: auth.dump 1000 bytes; posts.dump 48 bytes;\n\
20261122T030000Z: auth.dump 2000000 bytes; posts.dump 1000000 bytes;\n";

    fn former() -> Former {
        Former { name: "social".into(), namespace: "demo".into(), spec: None }
    }

    fn origin(shelf: serde_json::Value, in_use: bool) -> Origin {
        let shelf: Shelf = serde_json::from_value(shelf).unwrap();
        Origin { shelf, key: None, in_use }
    }

    fn claim() -> Origin {
        origin(json!({"claim": {"name": "copies"}}), false)
    }

    #[test]
    fn copies_are_listed_on_80_columns_with_how_to_begin_with_one() {
        let now = "2026-11-22T05:00:00Z".parse().unwrap();
        let told = text(&parse(SAID).unwrap(), &former(), &claim(), now, Terminal::plain());
        assert_eq!(
            told,
            "Copies of demo/social in claim copies\n\n  \
             COPY              AGE  SIZE     DATABASES\n  \
             20261120T030000Z  2d   1.0 KiB  auth, posts\n  \
             20261122T030000Z  2h   2.8 MiB  auth, posts\n\n\
             A new stack begins with the last by --as NAME, with another by --copy COPY.\n"
        );
    }

    #[test]
    fn what_the_program_never_says_is_not_taken_for_a_copy() {
        let said = parse("20261120T030000Z: auth.dump 7 sheep;").unwrap_err().to_string();
        assert!(said.contains("take the one of the stack's version"), "{said}");
        assert!(parse("\n").unwrap().is_empty());
    }

    #[test]
    fn the_last_copy_is_taken_unless_another_one_is_named_that_is_there() {
        let copies = parse(SAID).unwrap();
        let chosen = |asked: &str| choose(&copies, asked, &former(), &claim()).map(|copy| copy.name.clone());
        assert_eq!(chosen("latest").unwrap(), "20261122T030000Z");
        assert_eq!(chosen("20261120T030000Z").unwrap(), "20261120T030000Z");
        let said = chosen("20261121T030000Z").unwrap_err().to_string();
        assert!(said.ends_with("choose by --copy one of 20261120T030000Z, 20261122T030000Z"), "{said}");
        let said = choose(&[], "latest", &former(), &claim()).unwrap_err().to_string();
        assert!(said.starts_with("no copy of demo/social lies in claim copies"), "{said}");
    }

    #[test]
    fn the_job_reads_the_place_and_is_given_nothing_else() {
        let job = job("again", &former(), &claim(), restored::least()).unwrap();
        assert!(job.metadata.labels.as_ref().unwrap().is_empty(), "no stack's pods are meant");
        assert!(job.metadata.owner_references.is_none());
        let job = serde_json::to_value(&job).unwrap();
        assert!(job["spec"]["ttlSecondsAfterFinished"].is_i64());
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(
            (&pod["automountServiceAccountToken"], &pod["restartPolicy"]),
            (&json!(false), &json!("Never"))
        );
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let container = &pod["containers"][0];
        assert_eq!(container["args"], json!(["list"]));
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        let mounts = container["volumeMounts"].as_array().unwrap();
        let shelf = mounts.iter().find(|mount| mount["name"] == "shelf").unwrap();
        assert_eq!(shelf["readOnly"], true);
        assert!(!job.to_string().contains("secret"), "a claim needs no Secret: {job}");
    }

    #[test]
    fn a_bucket_opens_by_its_own_secret_alone() {
        let bucket = json!({"s3": {"bucket": "copies", "secretRef": {"name": "s3"}}});
        let job = job("demo", &former(), &origin(bucket, true), restored::least()).unwrap();
        let labels = job.metadata.labels.clone().unwrap();
        assert_eq!(labels["app.kubernetes.io/instance"], "social", "the stack's pods are let through");
        assert!(!labels.contains_key(MANAGED_BY), "the operator leaves it alone");
        let job = serde_json::to_value(&job).unwrap();
        let env = job["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let secrets: Vec<_> = env
            .iter()
            .filter_map(|variable| variable["valueFrom"]["secretKeyRef"]["name"].as_str())
            .collect();
        assert_eq!(secrets, ["s3", "s3"]);
    }

    #[test]
    fn sizes_are_told_as_people_say_them() {
        let told = [0, 1023, 1024, 1536, 5 << 20, 3 << 40].map(size);
        assert_eq!(told, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 TiB"]);
    }
}
