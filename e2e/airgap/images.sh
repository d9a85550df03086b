#!/bin/bash
# The container images that stacks and services need, in this machine's Docker:
#   images.sh [postgres|valkey|kafka|traefik|base …]     default: all of these
#   images.sh cnpg-operator cnpg-postgres                what only tests want
# Pulled where a registry answers; else made from packages, and kept in $CACHE/images for a Docker that lost them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../scripts/lib.sh
. "$here/../scripts/lib.sh"
# shellcheck source=versions.sh
. "$here/versions.sh"
printenv TRACKLORE_LOCK_HELD >/dev/null || { with_lock "$0" "$@"; exit; }
names=("$@")
[ $# -gt 0 ] || names=(base postgres valkey kafka traefik)

image_of() { echo "${IMAGES[$1]:-${TEST_IMAGES[$1]:-$2}}"; } # name, the base image's name
label_of() { docker image inspect -f '{{index .Config.Labels "tracklore.key"}}' "$1" 2>/dev/null; }

from_registry() {
  local image
  image=$(image_of "$1" "$BASE_REGISTRY")
  docker image inspect "$image" >/dev/null 2>&1 || step "Pull $image" "pull-$1" docker pull -q "$image"
}

made_here() {
  local name=$1 archive label
  export IMAGE KEY
  IMAGE=$(image_of "$name" "$BASE_AIRGAP")
  KEY=$(key_of "$name")
  archive=$CACHE/images/$name-$KEY.tar.zst
  if label=$(label_of "$IMAGE"); then
    # An image of that name without our label is the upstream's, pulled at some time: as good.
    [ -n "$label" ] || return 0
    if [ "$label" = "$KEY" ] && [ -f "$archive" ]; then return; fi
  fi
  if [ -f "$archive" ]; then
    if zstd -dc "$archive" 2>/dev/null | docker load -q >/dev/null 2>&1 && [ "$(label_of "$IMAGE")" = "$KEY" ]; then
      say "Image $IMAGE: taken from the cache."
      return
    fi
    warn "The cached image $archive is damaged: it's made anew."
  fi
  if ! is_root || ! is_debian_like; then
    die "No image registry answers, and images can be made from packages only by root on a Debian-like system: see to either."
  fi
  step "Image $IMAGE" "image-$name" "$here/images/$name.sh"
  rm -f "$CACHE/images/$name"-*.tar.zst
  docker save "$IMAGE" | zstd -3 -T0 -q -o "$archive.new" && mv "$archive.new" "$archive"
}

# What an image is made of: its recipe, what recipes share, the versions; and for some a bit more.
key_of() {
  local parts=("$here/images/$1.sh" "$here/images/root.sh")
  case $1 in
    kafka) parts+=("$here/images/kafka") ;;
    traefik) parts+=("$here/src/traefik") ;;
    cnpg-operator) parts+=("$here/src/cloudnative-pg") ;;
    cnpg-postgres) parts+=("$here/images/postgres.sh") ;;
  esac
  content_key "${parts[@]}" <(echo "$IMAGE $DEBIAN_SUITE $JAVA_VERSION")
}

"$here/docker.sh"
for name in "${names[@]}"; do
  [ -x "$here/images/$name.sh" ] || die "images.sh: there is no image named $name."
  if registry_reachable; then from_registry "$name"; else made_here "$name"; fi
done
