#!/bin/bash
# The node image of the name given: the root file system, the programs, our files, and the cluster's images in containerd's
# store. Called by node.sh after root.sh and images.sh.
set -euo pipefail
# shellcheck source=../../scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
here=$(cd "$(dirname "$0")" && pwd)
tag=$1 programs=$CACHE/programs root=$CACHE/node/root

install -d "$root"/{kind/manifests,opt/cni/bin,etc/kubernetes/manifests,etc/cni/net.d,usr/local/bin}
cp -r --no-preserve=ownership "$here/files/." "$root/"
install -m 755 "$programs"/{containerd,containerd-shim-runc-v2,ctr,crictl} "$root/usr/local/bin/"
install -m 755 "$programs/kubebox" "$root/usr/bin/"
for name in kubeadm kubelet kubectl; do ln -s kubebox "$root/usr/bin/$name"; done
for name in loopback ptp host-local portmap; do ln -s "/usr/lib/cni/$name" "$root/opt/cni/bin/$name"; done
awk '$1 == "k8s.io/kubernetes" {printf "%s", $2; exit}' "$ROOT/e2e/airgap/src/kube/go.mod" >"$root/kind/version"

# systemd starts only what a node in a container needs
ln -sf /lib/systemd/systemd "$root/sbin/init"
unwanted='*udev* getty* *binfmt* *logind* *timer *remount* *hwdb* *modules-load* dev-*.mount sys-*.mount proc-* systemd-firstboot*
  systemd-machine-id* systemd-tmpfiles-setup.service systemd-random-seed* systemd-sysusers* systemd-user-sessions* e2scrub*
  systemd-ask* nftables* ipset* systemd-resolved* systemd-networkd* systemd-pstore*'
set -f
for name in $unwanted; do
  find "$root"/{etc,lib}/systemd/system -path '*.wants/*' -name "$name" -delete
done
set +f
for name in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
  systemd-binfmt.service systemd-logind.service getty.target console-getty.service systemd-firstboot.service \
  proc-sys-fs-binfmt_misc.automount systemd-remount-fs.service systemd-modules-load.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$name"
done
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
chroot "$root" systemctl enable containerd.service kubelet.service

# The cluster's images get into the store by the very containerd that the node runs.
store=$CACHE/node/store
mkdir -p "$store"
cat >"$store/config.toml" <<T
version = 3
root = '$root/var/lib/containerd'
state = '$store/state'
disabled_plugins = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.runtime', 'io.containerd.cri.v1.images', 'io.containerd.nri.v1.nri']
[grpc]
  address = '$store/grpc'
[ttrpc]
  address = '$store/ttrpc'
T
"$programs/containerd" -c "$store/config.toml" >"$store/log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true' EXIT
store() { "$programs/ctr" -a "$store/grpc" "$@"; }
wait_for "containerd" 30 store version
mapfile -t images <"$CACHE/node/images"
docker save "${images[@]}" |
  store -n k8s.io images import --no-unpack --all-platforms --digests --label io.cri-containerd.pinned=pinned -
kill "$pid"
wait "$pid" || true
trap - EXIT

: >"$root/etc/machine-id"
mkdir "$CACHE/node/context"
tar -C "$root" --numeric-owner -cf "$CACHE/node/context/root.tar" .
cat >"$CACHE/node/context/Dockerfile" <<'D'
FROM scratch
ADD root.tar /
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
D
docker build -q -t "$tag" "$CACHE/node/context"
docker rmi "${images[@]}" tracklore/node-tools >/dev/null
rm -rf "$CACHE/node"
