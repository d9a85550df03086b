#!/bin/bash
# The images that run in the cluster itself, under the names that kubeadm asks for; the list goes to $CACHE/node/images.
# All Kubernetes programs are one binary and share its layer. Called by node.sh.
set -euo pipefail
# shellcheck source=../../scripts/lib.sh
. "$(dirname "$0")/../../scripts/lib.sh"
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
programs=$CACHE/programs root=$CACHE/node/root
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

list=$CACHE/node/images
version=$(awk '$1 == "k8s.io/kubernetes" {print $2; exit}' "$ROOT/e2e/airgap/src/kube/go.mod")
"$programs/kubebox" kubeadm config images list --kubernetes-version "$version" >"$list" 2>/dev/null
wanted() { grep "/$1:" "$list"; }

# Tools out of the node's root: busybox, iptables, ipset, with their libraries and those of iptables' extensions, without
# which everything works until a Service has two endpoints.
tools=$work/tools/root
libraries=usr/lib/x86_64-linux-gnu
mkdir -p "$tools"/{bin,usr/sbin,usr/local/bin,run,tmp,etc,lib64,lib/x86_64-linux-gnu,$libraries}
cp "$root/bin/busybox" "$tools/bin/"
for name in sh mkdir rm ls cat grep sed sleep ip; do ln -s busybox "$tools/bin/$name"; done
cp "$root"/usr/sbin/{xtables-nft-multi,conntrack,ipset,nft} "$tools/usr/sbin/"
for name in {iptables,ip6tables}{,-save,-restore}; do ln -s xtables-nft-multi "$tools/usr/sbin/$name"; done
cp -r "$root/$libraries/xtables" "$tools/$libraries/"
(cd "$root" && printf '%s\n' usr/sbin/{xtables-nft-multi,conntrack,ipset,nft} "$libraries"/xtables/*.so) |
  while read -r file; do chroot "$root" ldd "/$file"; done | grep -oE '/[^ ]+\.so[^ ]*' | sort -u |
  while read -r file; do
    mkdir -p "$tools$(dirname "$file")"
    cp -L "$root$file" "$tools$file"
  done
for name in protocols services; do [ ! -f "$root/etc/$name" ] || cp "$root/etc/$name" "$tools/etc/"; done
echo 'root:x:0:0:root:/:/bin/sh' >"$tools/etc/passwd"
echo 'root:x:0:' >"$tools/etc/group"
chmod 1777 "$tools/tmp"
tar -C "$tools" --numeric-owner --owner=0 --group=0 -c . |
  docker import -c 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - tracklore/node-tools

# image TAG FILE…, the Dockerfile on standard input; files are programs
image() {
  local context tag=$1 file
  context=$(mktemp -d "$work/image.XXXXXX")
  shift
  for file in "$@"; do cp "$programs/$file" "$context/"; done
  cat >"$context/Dockerfile"
  docker build -q -t "$tag" "$context"
}
kubernetes=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy)
image localhost/nodenet:local kubebox <<D
FROM tracklore/node-tools
COPY kubebox /usr/local/bin/
RUN cd /usr/local/bin; for name in ${kubernetes[*]} nodenet kubectl; do busybox ln -s kubebox \$name; done
D
for name in "${kubernetes[@]}"; do docker tag localhost/nodenet:local "$(wanted "$name")"; done
image localhost/local-path-provisioner:local local-path-provisioner <<'D'
FROM tracklore/node-tools
COPY local-path-provisioner /usr/local/bin/
D
image "$(wanted etcd)" etcd <<'D'
FROM scratch
COPY etcd /usr/local/bin/
ENV PATH=/usr/local/bin
D
image "$(wanted coredns)" coredns <<'D'
FROM scratch
COPY coredns /
ENTRYPOINT ["/coredns"]
D
image "$(wanted pause)" pause <<'D'
FROM scratch
COPY pause /
USER 65535:65535
ENTRYPOINT ["/pause"]
D
printf '%s\n' localhost/nodenet:local localhost/local-path-provisioner:local >>"$list"
