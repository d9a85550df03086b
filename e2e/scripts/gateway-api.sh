#!/usr/bin/env bash
# The CRDs of the Gateway API, from its Go module, of the version that Traefik knows. Prints the folder they are in.
. "$(dirname "$0")/lib.sh"
version=$(sed -n 's|.*sigs.k8s.io/gateway-api \(v[0-9.]*\).*|\1|p' "$ROOT/e2e/airgap/src/traefik/go.mod")
crds=$CACHE/gateway-api/$version
if [ ! -d "$crds" ]; then
  module=$(cd "$(mktemp -d)" && go mod download -json "sigs.k8s.io/gateway-api@$version" | jq -er .Dir) ||
    die "The Go module sigs.k8s.io/gateway-api@$version can't be had: check GOPROXY."
  mkdir -p "$CACHE/gateway-api"
  cp -r --no-preserve=mode "$module/config/crd/standard" "$crds.new"
  mv "$crds.new" "$crds"
fi
printf '%s\n' "$crds"
