//! The Ingress: the same addresses as at the gateway, for a controller that the cluster has.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};

use super::{gateway::routes::ROUTES, pod};
use crate::{
    api::v1alpha1::Ingress as Asked,
    stack::{component::Component, validate::ValidStack},
};

const COMPONENT: Component = Component::Gateway;

/// The Ingress.
pub fn ingress(stack: &ValidStack, asked: &Asked) -> Ingress {
    let hostnames = hostnames(stack);
    let paths = ROUTES.iter().flat_map(|route| route.paths.iter().map(|path| (path, route.service)));
    let paths = paths.map(|(path, service)| HTTPIngressPath {
        path: Some((*path).to_owned()),
        path_type: "Prefix".into(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: stack.names.of(Component::Service(service)),
                port: Some(ServiceBackendPort { name: Some("http".into()), number: None }),
            }),
            resource: None,
        },
    });
    let http = HTTPIngressRuleValue { paths: paths.collect() };
    let rule = |host| IngressRule { host, http: Some(http.clone()) };
    let rules = match hostnames.as_slice() {
        [] => vec![rule(None)],
        names => names.iter().cloned().map(|name| rule(Some(name))).collect(),
    };
    let tls = asked.tls_secret_name.clone().map(|secret| {
        let hosts = (!hostnames.is_empty()).then_some(hostnames);
        vec![IngressTLS { hosts, secret_name: Some(secret) }]
    });
    let mut metadata = pod::metadata(stack, &stack.names.of(COMPONENT), COMPONENT);
    metadata.annotations = (!asked.annotations.is_empty()).then(|| asked.annotations.clone());
    Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: asked.class_name.clone(),
            rules: Some(rules),
            tls,
            default_backend: None,
        }),
        status: None,
    }
}

/// The names that are asked for, or that of the stack's address; none where that has no name.
pub(super) fn hostnames(stack: &ValidStack) -> Vec<String> {
    match stack.hostnames.as_slice() {
        [] => host(&stack.public_url).into_iter().collect(),
        names => names.to_vec(),
    }
}

/// The host of an address, where it is a name: Ingresses know no addresses of the network.
fn host(url: &str) -> Option<String> {
    let host = address_host(url)?;
    let name = host.contains('.') && host.parse::<std::net::IpAddr>().is_err();
    name.then_some(host)
}

/// The host of an address: a name, or an address of the network without brackets.
pub(super) fn address_host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_hosts() {
        assert_eq!(host("https://Community.Example.org:8443/x").as_deref(), Some("community.example.org"));
        assert_eq!(address_host("https://[::1]:8443").as_deref(), Some("::1"));
        for url in ["http://localhost:8080", "http://10.0.0.1", "https://[::1]:8443"] {
            assert_eq!(host(url), None, "{url}");
        }
    }
}
