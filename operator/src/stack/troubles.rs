//! Why pods don't run, in a sentence that says what to do: what the scheduler and the kubelet know and no Deployment tells.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::ResourceExt;

use super::component::NAME;

/// Waiting reasons that come from an image.
const IMAGE: [&str; 5] =
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"];
/// Waiting reasons that come from what the container is given.
const CONFIG: [&str; 3] = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

/// The first trouble of each component, or purpose of a Job.
pub fn of(pods: &[Pod]) -> BTreeMap<String, String> {
    let mut troubles = BTreeMap::new();
    for pod in pods {
        let component = pod.labels().get(NAME).cloned().unwrap_or_default();
        if let Some(trouble) = trouble(pod) {
            troubles.entry(component).or_insert(trouble);
        }
    }
    troubles
}

/// What keeps a pod from running. Its words stay the same while the kubelet tries again and again.
pub fn trouble(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    if status.phase.as_deref() == Some("Succeeded") || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    unschedulable(status).or_else(|| {
        let mut waiting = containers.filter(|container| !container.ready);
        waiting.find_map(|container| not_running(container, &source(pod)))
    })
}

fn unschedulable(status: &PodStatus) -> Option<String> {
    let mut conditions = status.conditions.iter().flatten();
    let condition = conditions.find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(format!("no node takes the pod: {}", condition.message.as_deref().unwrap_or("no reason is given")))
}

fn not_running(container: &ContainerStatus, pod: &str) -> Option<String> {
    let state = container.state.as_ref();
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref())
        && let Some(reason) = waiting.reason.as_deref()
    {
        if IMAGE.contains(&reason) {
            return Some(format!(
                "image {} can't be pulled; check its name, and images.pullSecrets if its registry wants a login",
                container.image
            ));
        }
        if CONFIG.contains(&reason) {
            return Some(format!("{reason}: {}", waiting.message.as_deref().unwrap_or("no reason is given")));
        }
    }
    let last = container.last_state.as_ref();
    let ended = state
        .and_then(|state| state.terminated.as_ref())
        .or_else(|| last.and_then(|state| state.terminated.as_ref()))
        .filter(|ended| ended.exit_code != 0)?;
    let why =
        ended.message.as_deref().and_then(last_words).map(|words| format!(": {words}")).unwrap_or_default();
    Some(if ended.reason.as_deref() == Some("OOMKilled") {
        format!(
            "container {} needed more memory than its limit; raise resources.limits.memory",
            container.name
        )
    } else {
        format!(
            "container {} ends with code {}{why}; see kubectl logs {pod}",
            container.name, ended.exit_code
        )
    })
}

/// What to ask for logs: the pods of a Job come and go, the Job stays.
fn source(pod: &Pod) -> String {
    match pod.labels().get("batch.kubernetes.io/job-name") {
        Some(job) => format!("job/{job}"),
        None => pod.name_any(),
    }
}

/// What a container said last of an error, else what it said last. Times before it would make each time another sentence.
fn last_words(log: &str) -> Option<String> {
    const LONGEST: usize = 300;
    let lines = log.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('{'));
    let is_error = |line: &&str| {
        let line = line.to_lowercase();
        ["error", "fatal", "exception"].iter().any(|word| line.contains(word))
    };
    let said = lines.clone().rfind(is_error).or_else(|| lines.clone().next_back())?;
    let mut said =
        said.trim_start_matches(|c: char| !c.is_alphabetic()).trim_start_matches("error: ").to_owned();
    said.truncate(said.floor_char_boundary(LONGEST));
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(status: &Value) -> Option<String> {
        let pod = json!({"metadata": {"name": "demo-auth-1"}, "status": status});
        trouble(&serde_json::from_value(pod).unwrap())
    }

    fn container(state: &Value, last: &Value) -> Value {
        json!({"containerStatuses": [{
            "name": "auth", "image": "example.org/auth:1", "imageID": "", "ready": false, "restartCount": 3,
            "state": state, "lastState": last,
        }]})
    }

    #[test]
    fn an_image_that_is_not_there_is_told_alike_in_both_states_of_the_kubelet() {
        let words = ["ErrImagePull", "ImagePullBackOff"]
            .map(|reason| told(&container(&json!({"waiting": {"reason": reason}}), &json!({}))).unwrap());
        assert_eq!(words[0], words[1]);
        assert!(words[0].starts_with("image example.org/auth:1 can't be pulled"), "{}", words[0]);
    }

    #[test]
    fn a_container_that_ends_again_and_again_is_told_alike_while_it_waits_and_while_it_runs() {
        let last = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
        let waiting = told(&container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &last)).unwrap();
        let running = told(&container(&json!({"running": {}}), &last)).unwrap();
        assert_eq!(waiting, running);
        assert_eq!(waiting, "container auth ends with code 1; see kubectl logs demo-auth-1");
    }

    #[test]
    fn what_a_container_said_of_an_error_is_told_without_its_time() {
        let log = "starting\n2026-11-21 09:00:01.123 FATAL: password authentication failed for user \"x\"\nDETAIL: none\n";
        let last = json!({"terminated": {"exitCode": 2, "reason": "Error", "message": log}});
        assert_eq!(
            told(&container(&json!({"running": {}}), &last)).unwrap(),
            "container auth ends with code 2: FATAL: password authentication failed for user \"x\"; see kubectl logs demo-auth-1"
        );
    }

    #[test]
    fn memory_that_ran_out_says_what_to_raise() {
        let last = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let words = told(&container(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), &last)).unwrap();
        assert!(words.contains("raise resources.limits.memory"), "{words}");
    }

    #[test]
    fn the_schedulers_reason_is_passed_on() {
        let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"});
        assert_eq!(
            told(&json!({"conditions": [condition]})).as_deref(),
            Some("no node takes the pod: 0/1 nodes")
        );
    }

    #[test]
    fn a_pod_that_starts_is_no_trouble() {
        assert_eq!(told(&container(&json!({"waiting": {"reason": "ContainerCreating"}}), &json!({}))), None);
        assert_eq!(told(&json!({"phase": "Succeeded"})), None);
    }
}
