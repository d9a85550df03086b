#!/usr/bin/env bash
# The images of the operator and the services, and into the cluster where one runs.
. "$(dirname "$0")/lib.sh"
images() {
  "$ROOT/e2e/scripts/prerequisites.sh"
  "$ROOT/e2e/airgap/docker.sh"
  "$ROOT/e2e/scripts/build-images.sh"
  sed -n 's/^TRACKLORE_IMAGE_[A-Z]*=\(ghcr.*\)/\1/p' "$CACHE/images/services.env" | while read -r image; do
    printf '  %-60s %s MiB\n' "$image" "$(docker image inspect -f '{{.Size}}' "$image" | awk '{printf "%.1f", $1 / 1048576}')"
  done
}
TRACKLORE_RUN="make images" with_lock images
