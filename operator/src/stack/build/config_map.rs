//! ConfigMaps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::pod;
use crate::stack::{component::Component, plan::digest, validate::ValidStack};

/// A ConfigMap with the given files.
pub fn config_map<const N: usize>(
    stack: &ValidStack,
    name: &str,
    component: Component,
    files: [(&str, String); N],
) -> ConfigMap {
    let data =
        files.into_iter().map(|(name, content)| (name.to_owned(), content)).collect::<BTreeMap<_, _>>();
    ConfigMap { metadata: pod::metadata(stack, name, component), data: Some(data), ..ConfigMap::default() }
}

/// Hash of a ConfigMap's files.
pub fn files_digest(config_map: &ConfigMap) -> String {
    digest(&config_map.data)
}
