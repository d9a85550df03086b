#!/usr/bin/env bash
# CloudNativePG's operator in the cluster, for the end-to-end tests of stacks whose Postgres it runs.
#   cloudnative-pg.sh up         its images, its CRDs and itself, ready to take Clusters; quick when all is there
#                                It stays after the tests: idle it takes half a percent of a core and 30 MiB.
#   cloudnative-pg.sh down       all that up put into the cluster
#   cloudnative-pg.sh manifest   prints the path of its release's manifest, for those who want its CRDs only
. "$(dirname "$0")/lib.sh"
# shellcheck source=../airgap/versions.sh
. "$ROOT/e2e/airgap/versions.sh"
kube() { kubectl --context kind-tracklore "$@"; }
require_cluster() { kube --request-timeout 5s get --raw /readyz >/dev/null 2>&1 || die "The cluster kind-tracklore doesn't answer: make up brings it."; }

# The manifest lies in the operator's Go module.
manifest=$CACHE/cloudnative-pg/cnpg-$CLOUDNATIVE_PG_VERSION.yaml
fetch_manifest() {
  local name=github.com/cloudnative-pg/cloudnative-pg@v$CLOUDNATIVE_PG_VERSION module
  [ ! -f "$manifest" ] || return 0
  module=$(cd "$(mktemp -d)" && go mod download -json "$name" | jq -er .Dir) || die "The Go module $name can't be had: check GOPROXY."
  mkdir -p "$CACHE/cloudnative-pg"
  cp --no-preserve=mode "$module/releases/cnpg-$CLOUDNATIVE_PG_VERSION.yaml" "$manifest.new"
  mv "$manifest.new" "$manifest"
}

# The image is in the node and perhaps nowhere else, so nobody may ask a registry for it.
in_cluster() { sed 's/imagePullPolicy: Always/imagePullPolicy: IfNotPresent/' "$manifest"; }
apply() {
  in_cluster | kube apply --server-side --force-conflicts --filename -
  kube -n cnpg-system rollout status deployment/cnpg-controller-manager --timeout 3m
  wait_for "CloudNativePG's webhooks" 60 takes_a_cluster
}
takes_a_cluster() {
  kube create --dry-run=server --filename - <<'Y'
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: probe, namespace: cnpg-system}
spec: {instances: 1, storage: {size: 1Gi}}
Y
}

up() {
  require_cluster
  fetch_manifest
  "$ROOT/e2e/airgap/images.sh" "${!TEST_IMAGES[@]}"
  "$ROOT/e2e/scripts/cluster.sh" load "${TEST_IMAGES[@]}"
  STEP_HINT="See why it doesn't get ready: kubectl --context kind-tracklore -n cnpg-system get pods,events" \
    step "CloudNativePG $CLOUDNATIVE_PG_VERSION" cloudnative-pg apply
}

down() {
  local clusters
  require_cluster
  # With the CRDs all Clusters would go, and their data.
  clusters=$(kube get clusters.postgresql.cnpg.io --all-namespaces --output name 2>/dev/null || true)
  [ -z "$clusters" ] || die "CloudNativePG still runs Clusters ($(xargs <<<"$clusters")): delete them, then try again."
  fetch_manifest
  step "Remove CloudNativePG" cloudnative-pg-down kube delete --ignore-not-found --timeout 3m --filename "$manifest"
}

case ${1:-} in
  manifest) fetch_manifest && printf '%s\n' "$manifest" ;;
  up | down)
    printenv TRACKLORE_LOCK_HELD >/dev/null || { TRACKLORE_RUN="cloudnative-pg.sh $1" with_lock "$0" "$@"; exit; }
    "$@"
    ;;
  *) die "cloudnative-pg.sh up | down | manifest" ;;
esac
