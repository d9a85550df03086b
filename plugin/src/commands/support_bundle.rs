//! `support-bundle`: what somebody who helps has to see of a stack, in one file, and no secret.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::Pod,
};
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams, LogParams},
};
use serde::Serialize;
use tracklore_operator::stack::kinds::Kind;

use super::{doctor, events};
use crate::{
    Error, bundle::Bundle, findings, happened, report::Report, target::Target, terminal::Terminal, versions,
};

/// How many of the last lines of each log are taken.
const LINES: i64 = 5000;

/// Options of `support-bundle`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file, or - for standard output; tracklore-<namespace>-<stack>-<time>.tar.gz here when left out
    #[arg(long, short, value_name = "FILE")]
    filename: Option<PathBuf>,
}

/// Gathers what may be read, and writes it.
pub async fn run(target: &Target, arguments: &Arguments) -> Result<ExitCode, Error> {
    let now = Timestamp::now();
    let root =
        format!("tracklore-{}-{}-{}", target.namespace(), target.name(), now.strftime("%Y%m%d-%H%M%S"));
    let Gathering { bundle, refused, .. } =
        Gathering::of(target, Bundle::new(root.clone(), now), now).await?;

    let file = arguments.filename.clone().unwrap_or_else(|| format!("{root}.tar.gz").into());
    if file == Path::new("-") {
        bundle.write(std::io::stdout().lock())?;
    } else {
        let said = |error| Error::Refused(format!("{} can't be written: {error}", file.display()));
        let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
        bundle.write(open.map_err(said)?).map_err(said)?;
    }
    let left_out =
        if refused.is_empty() { String::new() } else { format!("; not readable: {}", refused.join(", ")) };
    writeln!(
        std::io::stderr(),
        "{}: {} files, without Secrets and what looks like one{left_out}. Look through it before you give it away.",
        file.display(),
        bundle.len()
    )?;
    Ok(ExitCode::SUCCESS)
}

struct Gathering<'a> {
    target: &'a Target,
    bundle: Bundle,
    /// What the cluster didn't let us see.
    refused: Vec<String>,
}

impl<'a> Gathering<'a> {
    /// All that can be had.
    async fn of(target: &'a Target, bundle: Bundle, now: Timestamp) -> Result<Self, Error> {
        let mut gathering = Self { target, bundle, refused: Vec::new() };
        gathering.told(now).await?;
        gathering.objects().await?;
        gathering.logs(&target.api(), &target.parts(), "logs").await;
        gathering.operator().await?;
        gathering.about(now).await;
        Ok(gathering)
    }

    /// What the other commands tell.
    async fn told(&mut self, now: Timestamp) -> Result<(), Error> {
        let plain = Terminal::plain();
        match Report::of(self.target, versions::read(self.target).await).await {
            Ok(report) => self.bundle.text("status.txt", &report.text(now, plain)),
            Err(error) => self.refused.push(format!("the status ({error})")),
        }
        self.bundle.text("doctor.txt", &doctor::text(&findings::look(self.target).await, plain));
        match happened::read(self.target).await {
            Ok(happenings) => {
                self.bundle.text("events.txt", &events::text(&happenings, now, plain));
                self.bundle.object("events.yaml", serde_json::to_value(happenings)?)?;
            }
            Err(error) => self.refused.push(format!("events ({error})")),
        }
        Ok(())
    }

    /// The stack, and every object that bears its name but Secrets.
    async fn objects(&mut self) -> Result<(), Error> {
        self.object("objects/TrackloreStack.yaml", &self.target.stack)?;
        let others = [ApiResource::erase::<Pod>(&()), ApiResource::erase::<ReplicaSet>(&())];
        for kind in Kind::ALL.iter().copied().map(Kind::resource).chain(others) {
            let client = self.target.client.clone();
            let api = Api::<DynamicObject>::namespaced_with(client, &self.target.namespace(), &kind);
            let found = match api.list(&self.target.parts()).await {
                Ok(found) => found.items,
                // A kind that this cluster doesn't have.
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                Err(error) => {
                    self.refused.push(format!("{} ({error})", kind.plural));
                    continue;
                }
            };
            for object in found {
                self.object(&format!("objects/{}/{}.yaml", kind.kind, object.name_any()), &object)?;
            }
        }
        Ok(())
    }

    /// The logs of all containers of some pods, and what those before them said in the end.
    async fn logs(&mut self, pods: &Api<Pod>, selected: &ListParams, folder: &str) {
        let Ok(found) = pods.list(selected).await else { return self.refused.push("pods".to_owned()) };
        for pod in found.items {
            let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.clone());
            for status in statuses.unwrap_or_default() {
                for previous in [false, true] {
                    if previous && status.restart_count == 0 {
                        continue;
                    }
                    let name = format!("{folder}/{}-{}", pod.name_any(), status.name);
                    let name = format!("{name}{}.log", if previous { "-before" } else { "" });
                    let container = Some(status.name.clone());
                    let parameters = LogParams {
                        container,
                        previous,
                        tail_lines: Some(LINES),
                        timestamps: true,
                        ..LogParams::default()
                    };
                    match pods.logs(&pod.name_any(), &parameters).await {
                        Ok(text) => self.bundle.text(&name, &text),
                        Err(_) => self.refused.push(name),
                    }
                }
            }
        }
    }

    /// The operator, wherever it is.
    async fn operator(&mut self) -> Result<(), Error> {
        let selected = ListParams::default().labels(findings::OPERATOR);
        let all = Api::<Deployment>::all(self.target.client.clone()).list(&selected).await;
        let Ok(found) = all else {
            self.refused.push("the operator".to_owned());
            return Ok(());
        };
        for deployment in found.items {
            let namespace = deployment.namespace().unwrap_or_default();
            self.object(&format!("operator/{namespace}.yaml"), &deployment)?;
            let pods = Api::namespaced(self.target.client.clone(), &namespace);
            self.logs(&pods, &selected, "operator").await;
        }
        Ok(())
    }

    async fn about(&mut self, now: Timestamp) {
        let cluster = match self.target.client.apiserver_version().await {
            Ok(version) => version.git_version,
            Err(error) => error.to_string(),
        };
        let about = format!(
            "Stack {} in {}, seen at {now:.0} by kubectl-tracklore {}.\nKubernetes {cluster}.\nNot readable: {}.\n\
             Nothing that a Secret holds is in here but names of keys and ends of certificates. Values of variables that people have set, and what looks like a password, a token or a\n\
             private key, are replaced by [removed]. Each log has its last {LINES} lines.\n",
            self.target.name(),
            self.target.namespace(),
            env!("CARGO_PKG_VERSION"),
            if self.refused.is_empty() { "nothing".to_owned() } else { self.refused.join(", ") },
        );
        self.bundle.text("about.txt", &about);
    }

    fn object(&mut self, path: &str, object: &impl Serialize) -> Result<(), Error> {
        self.bundle.object(path, serde_json::to_value(object)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::unreadable;

    #[tokio::test]
    async fn what_can_not_be_had_is_noted_and_the_rest_is_in_it() {
        let target = unreadable(include_str!("../../../examples/minimal.yaml"));
        let now = Timestamp::UNIX_EPOCH;
        let gathering = Gathering::of(&target, Bundle::new("bundle".into(), now), now).await.unwrap();
        for refused in ["the status (", "events (", "pods", "the operator"] {
            assert!(gathering.refused.iter().any(|it| it.starts_with(refused)), "{:?}", gathering.refused);
        }
        assert_eq!(gathering.bundle.len(), 3, "what the doctor finds, the stack, and what it is about");
    }
}
