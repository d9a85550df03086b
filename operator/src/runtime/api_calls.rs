//! Around every request to the API server: measured, and a step of the pass that made it.

use std::{
    task::{Context, Poll},
    time::Instant,
};

use futures::future::BoxFuture;
use http::{Method, Request, Response, Uri};
use kube::{Client, Config, client::ClientBuilder};
use tower::{Layer, Service};
use tracklore_telemetry::trace::{Described, Kind, Span};

use super::{fence::Fence, metrics};

/// A client of the cluster that this process runs in or is configured for, which writes while the fence lets it.
pub async fn client(fence: &Fence) -> Result<Client, kube::Error> {
    let config = Config::infer().await.map_err(kube::Error::InferConfig)?;
    Ok(ClientBuilder::try_from(config)?.with_layer(fence).with_layer(&Measure).build())
}

struct Measure;

impl<S> Layer<S> for Measure {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured(inner)
    }
}

#[derive(Clone)]
struct Measured<S>(S);

impl<S, Q, A> Service<Request<Q>> for Measured<S>
where
    S: Service<Request<Q>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let Asked { verb, resource } = Asked::of(request.method(), request.uri());
        let answer = self.0.call(request);
        Box::pin(async move {
            // looked at here, where the future is driven by who asks: `call` may run in another task
            let span = Span::child(Kind::Client);
            let started = Instant::now();
            let answer = answer.await;
            let code = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            if let Some(span) = span {
                let failed = code.is_none_or(|code| code >= 500);
                span.end(failed, || described(verb, &resource, code));
            }
            metrics::requested(verb, resource, code, started.elapsed());
            answer
        })
    }
}

fn described(verb: &'static str, resource: &str, code: Option<u16>) -> Described {
    let described = Described::new(format!("{verb} {resource}")).with("server.address", "kubernetes");
    match code {
        Some(code) => described.with("http.response.status_code", code),
        None => described.failed("no answer"),
    }
}

/// What a request asks for, in Kubernetes' words.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    verb: &'static str,
    resource: String,
}

impl Asked {
    fn of(method: &Method, uri: &Uri) -> Self {
        let path: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        // api/v1 or apis/group/version, then namespaces/name where the kind has a namespace
        let rest = match path.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
            _ => &[],
        };
        let rest = match rest {
            ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
            _ => rest,
        };
        let (resource, name, subresource) = (rest.first().unwrap_or(&"none"), rest.get(1), rest.get(2));
        let watches = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let verb = match *method {
            Method::GET if watches => "watch",
            Method::GET if name.is_some() => "get",
            Method::GET => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "other",
        };
        let resource = subresource.map_or_else(|| (*resource).to_owned(), |sub| format!("{resource}/{sub}"));
        Self { verb, resource }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_in_kubernetes_words_without_names() {
        for (method, uri, verb, resource) in [
            (Method::GET, "/apis/tracklore.io/v1alpha1/tracklorestacks?limit=500", "list", "tracklorestacks"),
            (Method::GET, "/apis/apps/v1/deployments?a=b&watch=true&c=d", "watch", "deployments"),
            (Method::GET, "/api/v1/namespaces/demo/secrets/demo-auth", "get", "secrets"),
            (Method::GET, "/api/v1/namespaces/demo/pods?x=y", "list", "pods"),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/demo/deployments/demo-auth?fieldManager=x",
                "patch",
                "deployments",
            ),
            (
                Method::PATCH,
                "/apis/tracklore.io/v1alpha1/namespaces/demo/tracklorestacks/demo/status",
                "patch",
                "tracklorestacks/status",
            ),
            (Method::POST, "/apis/events.k8s.io/v1/namespaces/demo/events", "create", "events"),
            (Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/s/leases/l", "update", "leases"),
            (Method::GET, "/version", "list", "none"),
        ] {
            let asked = Asked::of(&method, &uri.parse().unwrap());
            assert_eq!(asked, Asked { verb, resource: resource.to_owned() }, "{method} {uri}");
        }
    }
}
