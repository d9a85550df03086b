//! Runs a service's own program once more in one of its pods, as `kubectl exec` does: images have no shell, and need none.

use std::io::Write;

use k8s_openapi::api::core::v1::Pod;
use kube::{
    ResourceExt,
    api::{AttachParams, ListParams},
};
use tokio::io::{AsyncRead, AsyncReadExt};
use tracklore_operator::stack::component::{Component, Service};

use crate::{Error, picture, target::Target};

/// Runs `tracklore-<service> <arguments>` in a pod of the service. What it prints goes `to` somewhere, its complaints to
/// the standard error. Its exit code.
pub async fn run(
    target: &Target,
    service: Service,
    arguments: &[String],
    to: impl Write,
) -> Result<u8, Error> {
    let name = service.as_str();
    let pods = target.api::<Pod>();
    let all = pods.list(&of_service(target, service)).await?.items;
    let Some(pod) = all.iter().find(|pod| picture::is_running(pod)) else {
        return Err(Error::Refused(format!(
            "no pod of {name} runs, so {name}'s program can't be run in one; kubectl tracklore status says why"
        )));
    };
    let mut command = vec![format!("/usr/bin/tracklore-{name}")];
    command.extend_from_slice(arguments);
    let parameters = AttachParams::default().container(name).stdin(false).stdout(true).stderr(true);
    let mut process = pods.exec(&pod.name_any(), command, &parameters).await?;
    let ended = process.take_status();
    let (answer, complaints) = (process.stdout(), process.stderr());
    futures::try_join!(pass(answer, to), pass(complaints, std::io::stderr()))?;
    let status = match ended {
        Some(ended) => ended.await,
        None => None,
    };
    process.join().await.map_err(|error| Error::Exec(error.to_string()))?;
    let status = status.ok_or_else(|| Error::Exec("the connection ended before the program".to_owned()))?;
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    let code = causes.into_iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
    match code.and_then(|cause| cause.message?.parse::<u8>().ok()) {
        Some(code) => Ok(code),
        None => Err(Error::Exec(status.message.unwrap_or_default())),
    }
}

fn of_service(target: &Target, service: Service) -> ListParams {
    let labels = target.stack_names().selector(Component::Service(service));
    let selector: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    ListParams::default().labels(&selector.join(","))
}

/// Copies as it comes.
async fn pass(from: Option<impl AsyncRead + Unpin>, mut to: impl Write) -> Result<(), Error> {
    let Some(mut from) = from else { return Ok(()) };
    let mut piece = [0; 4096];
    loop {
        let length = from.read(&mut piece).await?;
        let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { return Ok(()) };
        to.write_all(read)?;
        to.flush()?;
    }
}
