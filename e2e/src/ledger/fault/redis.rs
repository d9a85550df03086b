//! Redis killed, and what becomes of its append-only file.

use crate::ledger::cluster::{Cluster, Container};

/// What becomes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    /// It stays.
    Kept,
    /// It goes.
    Gone,
    /// An older copy of it comes back.
    Older,
}

/// Where the older copy lies on the node.
const COPY: &str = "/tmp/tracklore-ledger-redis";

/// Takes a copy that will be an older one.
pub(super) async fn prepare(cluster: &Cluster, container: &Container, file: File) -> Result<(), String> {
    if file == File::Older {
        let data = data(cluster, container).await?;
        cluster.on_node(container, &format!("rm -rf {COPY}; cp -a {data}/appendonlydir {COPY}")).await?;
    }
    Ok(())
}

/// Changes the file and kills at once: what Redis writes in between goes to a file that has no name any more.
pub(super) async fn strike(cluster: &Cluster, container: &Container, file: File) -> Result<bool, String> {
    let data = data(cluster, container).await?;
    let change = match file {
        File::Kept => String::new(),
        File::Gone => format!("rm -rf {data}/appendonlydir; "),
        File::Older => format!("rm -rf {data}/appendonlydir; mv {COPY} {data}/appendonlydir; "),
    };
    cluster.on_node(container, &format!("{change}kill -9 {}", container.pid)).await?;
    cluster.restarted("redis", container).await;
    Ok(true)
}

/// Where the container's data lies on the node.
async fn data(cluster: &Cluster, container: &Container) -> Result<String, String> {
    let template = "{{range .status.mounts}}{{if eq .containerPath \"/data\"}}{{.hostPath}}{{end}}{{end}}";
    let script = format!("crictl inspect -o go-template --template '{template}' {}", container.id);
    let path = cluster.on_node(container, &script).await?.trim().to_owned();
    if path.starts_with('/') { Ok(path) } else { Err(format!("the data of Redis isn't found: {path:?}")) }
}
