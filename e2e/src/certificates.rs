//! What the servers of a stack show to those who connect: asked by a client that trusts the stack's own authority and nobody else.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{Api, Client, ResourceExt};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use crate::TestStack;

/// The servers that pods of a stack connect to, with the port at which they do.
pub const SERVERS: [(&str, u16); 7] = [
    ("auth", 8081),
    ("user", 8081),
    ("posts", 8081),
    ("feed", 8081),
    ("postgres", 5432),
    ("kafka", 9092),
    ("redis", 6379),
];

/// A server that answers has begun to by then.
const SILENCE: Duration = Duration::from_secs(5);

/// How a client of Postgres asks for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The certificate that a server shows, once it has passed for the server's name; or why it doesn't.
pub async fn shown(
    client: &Client,
    stack: &TestStack,
    (server, port): (&str, u16),
) -> Result<Vec<u8>, String> {
    let mut stream = connect(client, stack, server, port).await?;
    if server == "postgres" {
        stream.write_all(&SSL_REQUEST).await.map_err(|error| error.to_string())?;
        match stream.read_u8().await {
            Ok(b'S') => {}
            answer => return Err(format!("Postgres wants no TLS: {answer:?}")),
        }
    }
    let name = format!("{}-{server}.{}.svc", stack.name, stack.namespace);
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(Arc::new(config(client, stack).await?));
    let session = connector.connect(name, stream).await.map_err(|error| format!("{server}: {error}"))?;
    let certificates = session.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(certificates.first().ok_or("no certificate")?.to_vec())
}

/// What a server answers to somebody who speaks without TLS, until it hangs up or has said nothing more for a while.
pub async fn plainly(
    client: &Client,
    stack: &TestStack,
    (server, port): (&str, u16),
    said: &[u8],
) -> Result<Vec<u8>, String> {
    let mut stream = connect(client, stack, server, port).await?;
    stream.write_all(said).await.map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    // a server may end it in its own way: what it has said until then counts
    while let Ok(Ok(1..)) = timeout(SILENCE, stream.read_buf(&mut answer)).await {}
    Ok(answer)
}

async fn connect(
    client: &Client,
    stack: &TestStack,
    server: &str,
    port: u16,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + use<>, String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &stack.namespace);
    let pod = stack.pods(client, &[server]).await.first().map(ResourceExt::name_any);
    let pod = pod.ok_or_else(|| format!("no pod of {server}"))?;
    let mut forward = pods.portforward(&pod, &[port]).await.map_err(|error| error.to_string())?;
    forward.take_stream(port).ok_or_else(|| "no stream".to_owned())
}

async fn config(client: &Client, stack: &TestStack) -> Result<ClientConfig, String> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stack.namespace);
    let trust =
        secrets.get(&format!("{}-internal-ca", stack.name)).await.map_err(|error| error.to_string())?;
    let data = trust.data.unwrap_or_default();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["ca.crt"], "what clients get holds no key");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&data["ca.crt"].0) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
