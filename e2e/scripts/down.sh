#!/usr/bin/env bash
# Ends what runs.
#   down.sh         the cluster
#   down.sh all     also the containers of tests and `make dev`, and what they left in this folder
#   down.sh cache   also the cache
. "$(dirname "$0")/lib.sh"
what=${1:-cluster}

down() {
  [ ! -d "$CACHE/observe" ] || "$ROOT/e2e/scripts/observe.sh" down
  "$ROOT/e2e/scripts/cluster.sh" down
  [ "$what" = all ] || [ "$what" = cache ] || return 0
  local name
  if docker info >/dev/null 2>&1; then
    docker ps -a --filter label=tracklore.deps --format '{{.Label "tracklore.deps"}}' | sort -u | while read -r name; do
      "$ROOT/e2e/scripts/deps.sh" down "$name" </dev/null
    done
  fi
  rm -rf "${ROOT:?}/.dev"
}
TRACKLORE_RUN="make down" with_lock down
if [ "$what" = cache ]; then
  # Go keeps its modules read-only.
  chmod -R u+w "$CACHE" 2>/dev/null || true
  rm -rf "${CACHE:?}" "$CARGO_TARGET_DIR"
  say "The cache $CACHE is gone. Docker keeps its images: docker image prune -a drops them."
fi
