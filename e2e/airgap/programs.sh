#!/bin/bash
# Programs from Go modules, built on this machine where nothing can be downloaded but packages:
#   programs.sh            what people use: kubectl kind helm kubeconform, into $BIN
#   programs.sh NAME…      any of the table below, into $CACHE/programs (jaeger is for make observe only; versitygw, an S3 server, cloudnative-pg and helm3 for tests)
# A program is built when its module, its line here or Go itself changed, or when its file is damaged.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../scripts/lib.sh
. "$here/../scripts/lib.sh"
printenv TRACKLORE_LOCK_HELD >/dev/null || { with_lock "$0" "$@"; exit; }

programs=$CACHE/programs
mkdir -p "$programs"
version_of() { awk -v module="$1" '$1 == module {print $2; exit}' "$here/src/${2:-kube}/go.mod"; }

kubernetes_flags() { # Kubernetes learns its version from the linker
  local version major minor package
  version=$(version_of k8s.io/kubernetes)
  IFS=. read -r major minor _ <<<"${version#v}"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s ' "$package.gitVersion=$version" "$package.gitMajor=$major" "$package.gitMinor=$minor" \
      "$package.gitTreeState=clean" "$package.buildDate=1970-01-01T00:00:00Z"
  done
}

all=(kubebox kind helm kubeconform etcd coredns pause local-path-provisioner containerd containerd-shim-runc-v2 ctr crictl traefik)
# Per program: the module's folder in src, the package, linker flags, tags.
containerd=github.com/containerd/containerd/v2
containerd_tags=no_btrfs,no_devmapper,no_zfs,netgo,osusergo,static_build
cnpg=github.com/cloudnative-pg/cloudnative-pg
recipe() {
  local version
  case $1 in
    kubebox) compile kube . "$(kubernetes_flags)" ;;
    etcd) compile kube go.etcd.io/etcd/server/v3 ;;
    coredns) compile kube ./coredns ;;
    local-path-provisioner) compile kube github.com/rancher/local-path-provisioner ;;
    containerd | ctr | containerd-shim-runc-v2)
      compile kube "$containerd/cmd/$1" "-X $containerd/version.Version=$(version_of $containerd)" $containerd_tags ;;
    crictl) compile kube sigs.k8s.io/cri-tools/cmd/crictl "-X sigs.k8s.io/cri-tools/pkg/version.Version=$(version_of sigs.k8s.io/cri-tools)" ;;
    kind) compile kube sigs.k8s.io/kind ;;
    helm) compile kube helm.sh/helm/v4/cmd/helm "-X helm.sh/helm/v4/internal/version.version=$(version_of helm.sh/helm/v4)" ;;
    helm3) compile helm3 helm.sh/helm/v3/cmd/helm "-X helm.sh/helm/v3/internal/version.version=$(version_of helm.sh/helm/v3 helm3)" ;;
    kubeconform) compile kube github.com/yannh/kubeconform/cmd/kubeconform ;;
    traefik) compile traefik github.com/traefik/traefik/v3/cmd/traefik ;;
    pause) compile pause . ;;
    jaeger) compile jaeger github.com/jaegertracing/jaeger/cmd/jaeger ;;
    versitygw) compile s3 github.com/versity/versitygw/cmd/versitygw ;;
    cloudnative-pg)
      version=$(version_of $cnpg cloudnative-pg)
      compile cloudnative-pg $cnpg/cmd/manager "-X $cnpg/pkg/versions.buildVersion=${version#v}" ;;
    *) die "programs.sh: there is no program named $1." ;;
  esac
}

compile() { # folder, package, flags, tags; the program is $name
  local key began=$SECONDS output=$programs/$name
  key=$(content_key "$here/src/$1")-$(go version | cut -d' ' -f3)-$(sha256sum <<<"$*" | cut -c1-12)
  # the file beside the program: its recipe's key and its checksum
  [ "$(cat "$output.made" 2>/dev/null)" = "$key $(sha256sum 2>/dev/null <"$output")" ] && return
  built=yes
  (
    cd "$here/src/$1"
    # One module at a time over two jobs: a link alone takes 2.5 GiB of memory.
    export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false -mod=readonly -p=2" GOCACHE=$CACHE/go-build
    STEP_HINT="The Go modules come from $(go env GOPROXY): check that this machine reaches it, then run the same command again." \
      step "Build $name" "program-$name" go build -ldflags "-s -w ${3:-}" ${4:+-tags "$4"} -o "$output.new" "$2"
  )
  mv "$output.new" "$output" # in one go, as the old one may be running
  echo "$key $(sha256sum <"$output")" >"$output.made"
}

# released NAME URL CHECKSUM-URL [MEMBER]  The program as its project releases it, a tar archive's member when one is named.
released() {
  local name=$1 url=$2 sums=$3 member=${4:-} output=$programs/$1-released sum
  [ "$(cat "$output.made" 2>/dev/null)" = "$url $(sha256sum 2>/dev/null <"$output")" ] && return
  download() {
    curl -fsSL --retry 2 -o "$output.new" "$url" && sum=$(sha256sum <"$output.new" | cut -d' ' -f1) &&
      grep -q "$sum" <<<"$(curl -fsSL --retry 2 "$sums")" && # all publish the sum, each in a file of another form
      if [ -n "$member" ]; then tar -xzOf "$output.new" "$member" >"$output.tmp" && mv "$output.tmp" "$output.new"; fi &&
      chmod +x "$output.new" && mv "$output.new" "$output"
  }
  (step "Download $name" "program-$name" download) || return
  echo "$url $(sha256sum <"$output")" >"$output.made"
}
download_all() {
  local arch kube kind helm conform
  case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) return 1 ;; esac
  kube=https://dl.k8s.io/release/$(version_of k8s.io/kubernetes)/bin/linux/$arch/kubectl
  kind=https://github.com/kubernetes-sigs/kind/releases/download/$(version_of sigs.k8s.io/kind)/kind-linux-$arch
  helm=https://get.helm.sh/helm-$(version_of helm.sh/helm/v4)-linux-$arch.tar.gz
  conform=https://github.com/yannh/kubeconform/releases/download/$(version_of github.com/yannh/kubeconform)
  released kubectl "$kube" "$kube.sha256" && released kind "$kind" "$kind.sha256sum" &&
    released helm "$helm" "$helm.sha256sum" "linux-$arch/helm" &&
    released kubeconform "$conform/kubeconform-linux-$arch.tar.gz" "$conform/CHECKSUMS" kubeconform || return
  for name in kubectl kind helm kubeconform; do ln -sf "../programs/$name-released" "$BIN/$name"; done
}

# With a registry within reach the projects' own releases mostly are, too.
if [ $# = 0 ] && registry_reachable; then
  if download_all; then exit; fi
  warn "Not all programs could be downloaded: they are built here."
fi

# What people use is called by its own name; kubectl is one of kubebox's.
names=("$@")
[ $# -gt 0 ] || names=(kubebox kind helm kubeconform)
have go || die "Go builds the cluster's programs and isn't here: install it from https://go.dev/dl and try again."
built=
for name in "${names[@]}"; do recipe "$name"; done
if [ -n "$built" ]; then
  # The compiler's cache takes 4 GB: once nothing is left to build it goes, and what it made stays.
  for name in "${all[@]}"; do [ -f "$programs/$name.made" ] || built=; done
  [ -z "$built" ] || rm -rf "$CACHE/go-build"
fi
if [ $# = 0 ]; then
  for name in kind helm kubeconform; do ln -sf "../programs/$name" "$BIN/$name"; done
  ln -sf ../programs/kubebox "$BIN/kubectl"
fi
