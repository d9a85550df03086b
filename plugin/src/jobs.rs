//! Jobs that a command starts: how they end, what they say, and what keeps them from running.

use std::time::{Duration, Instant};

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, LogParams},
};
use tracklore_operator::stack::troubles;

use crate::Error;

/// What keeps a pod from running may pass: a node is slow, an image is on its way.
const PATIENCE: Duration = Duration::from_secs(15);
const PACE: Duration = Duration::from_millis(300);

/// How a Job ended.
pub struct Ended {
    /// Whether it did what it should.
    pub well: bool,
    /// What its last pod said.
    pub said: String,
}

/// Waits for a Job's end. That its pod can't run is an error, once it has lasted.
pub async fn end(client: &Client, namespace: &str, name: &str) -> Result<Ended, Error> {
    let jobs = Api::<Job>::namespaced(client.clone(), namespace);
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let mut trouble: Option<(String, Instant)> = None;
    loop {
        let Some(job) = jobs.get_opt(name).await? else {
            return Err(Error::Refused(format!("Job {name} was removed before its end; repeat the command")));
        };
        if let Some(well) = ended(&job) {
            return Ok(Ended { well, said: said(&pods, name).await? });
        }
        let seen = of(&pods, name).await?.iter().find_map(troubles::trouble);
        trouble = seen.map(|seen| match trouble.take() {
            Some((same, since)) if same == seen => (same, since),
            _ => (seen, Instant::now()),
        });
        if let Some((sentence, _)) = trouble.as_ref().filter(|(_, since)| since.elapsed() > PATIENCE) {
            return Err(Error::Refused(sentence.clone()));
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Whether a Job that has ended ended well.
pub fn ended(job: &Job) -> Option<bool> {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut holding = conditions.into_iter().flatten().filter(|condition| condition.status == "True");
    holding.find_map(|condition| match condition.type_.as_str() {
        "Complete" => Some(true),
        "Failed" => Some(false),
        _ => None,
    })
}

/// What the pod that came last has to say.
pub async fn said(pods: &Api<Pod>, job: &str) -> Result<String, Error> {
    match of(pods, job).await?.last() {
        Some(pod) => Ok(pods.logs(&pod.name_any(), &LogParams::default()).await.unwrap_or_default()),
        None => Ok(String::new()),
    }
}

/// The pods of a Job, in the order of their making.
async fn of(pods: &Api<Pod>, job: &str) -> Result<Vec<Pod>, Error> {
    let mut list = pods.list(&ListParams::default().labels(&format!("job-name={job}"))).await?.items;
    list.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
    Ok(list)
}
