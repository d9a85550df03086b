#!/usr/bin/env bash
# A cluster with the operator and the service images of this working tree in it: what `make up` and the end-to-end tests stand on.
# Quick and harmless when all is there.
. "$(dirname "$0")/lib.sh"
scripts=$ROOT/e2e/scripts
context=kind-tracklore

children=()
# Ctrl-C doesn't reach what runs in the background of a script: hand it on.
trap 'for child in ${children[@]+"${children[@]}"}; do kill -TERM -- "-$child" 2>/dev/null || true; done; exit 130' INT TERM
beside() { setsid "$@" & children+=($!); }

apply_crds() { kubectl --context "$context" apply -f "$ROOT/crds/"; }
install_operator() {
  helm upgrade --install tracklore-operator "$ROOT/charts/tracklore-operator" --kube-context "$context" \
    --namespace tracklore-system --create-namespace --wait --timeout 3m \
    --set-string "image.repository=${TRACKLORE_IMAGE_OPERATOR%:*}" --set-string "image.tag=${TRACKLORE_IMAGE_OPERATOR##*:}"
}

"$scripts/prerequisites.sh"
"$ROOT/e2e/airgap/docker.sh"

# The cluster and the compilation wait for different things: side by side.
beside "$scripts/cluster.sh" up
beside "$scripts/build-images.sh" build
failed=0
for child in "${children[@]}"; do wait "$child" || failed=1; done
children=()
[ "$failed" = 0 ] || die "A step above failed (✘): mend it and run the same command again."
"$scripts/build-images.sh" load

set -a
# shellcheck source=/dev/null
. "$CACHE/images/services.env"
set +a
STEP_HINT="See what the API server says about crds/ in the log." step "Apply the CRD" crds apply_crds
STEP_HINT="See why it doesn't get ready: kubectl --context $context -n tracklore-system get pods,events" \
  step "Install the operator with Helm" operator install_operator
