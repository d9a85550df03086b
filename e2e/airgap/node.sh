#!/bin/bash
# kind's node image without a registry: a Debian root file system, Kubernetes and containerd built from Go modules, the
# cluster's own images already inside. Prints the image's name. Kept in $CACHE/images; made anew when its parts changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../scripts/lib.sh
. "$here/../scripts/lib.sh"
# shellcheck source=versions.sh
. "$here/versions.sh"
printenv TRACKLORE_LOCK_HELD >/dev/null || { with_lock "$0" "$@"; exit; }

programs=(kubebox etcd coredns pause local-path-provisioner containerd containerd-shim-runc-v2 ctr crictl)
key=$(content_key "$here/src/kube" "$here/src/pause" "$here/node" <(echo "$NODE_SUITE"))
image=$NODE_AIRGAP:$key
archive=$CACHE/images/node-$key.tar.zst

have_image() { docker image inspect "$image" >/dev/null 2>&1; }
load() { zstd -dc "$archive" | docker load -q && have_image; }
save() { docker save "$image" | zstd -3 -T0 -q -o "$archive.new" && mv "$archive.new" "$archive"; }
drop_older() {
  find "$CACHE/images" -name 'node-*.tar.zst' ! -name "node-$key.tar.zst" -delete
  docker image ls -q --filter "reference=$NODE_AIRGAP" --filter "before=$image" | xargs -r docker rmi -f
}

make() {
  if ! is_root || ! is_debian_like; then
    die "No image registry answers, and a node image can be made only by root on a Debian-like system: see to either."
  fi
  "$here/programs.sh" "${programs[@]}"
  step "The node's root file system" node-root "$here/node/root.sh"
  step "The cluster's own images" node-images "$here/node/images.sh"
  step "The node image" node-image "$here/node/image.sh" "$image"
  step "Keep the node image" node-save save
  drop_older >"$LOGS/node-drop.log" 2>&1 || true
}

"$here/docker.sh"
if ! have_image; then
  if [ -f "$archive" ] && (step "Load the node image" node-load load); then :; else
    rm -f "$archive"
    make
  fi
fi
# A lost Docker image store is refilled from here.
[ -f "$archive" ] || step "Keep the node image" node-save save
echo "$image" >"$CACHE/images/node.name"
