#!/usr/bin/env bash
# The images of the operator, the four services and the program for backups, from this working tree.
#   build-images.sh          both of these, the second where a cluster runs
#   build-images.sh build    compile and build; the names go to standard output and to $CACHE/images/services.env
#   build-images.sh load     load them into the cluster
#   build-images.sh image NAME PROGRAM   the image NAME of one program that is compiled already
# TRACKLORE_BUILD_PROFILE is Cargo's profile: release, or dist for what is handed out.
# A tag says what is in the image: the same program on the same base has the same tag, and nothing is built or loaded twice.
. "$(dirname "$0")/lib.sh"
# shellcheck source=../airgap/versions.sh
. "$ROOT/e2e/airgap/versions.sh"
names=(operator auth user posts feed backup)
profile=${TRACKLORE_BUILD_PROFILE:-release}
programs=$CARGO_TARGET_DIR/$profile
list=$CACHE/images/services.env
cd "$ROOT"

compile() {
  local name packages=()
  for name in "${names[@]}"; do packages+=(-p "tracklore-$name"); done
  cargo build --profile "$profile" --locked "${packages[@]}"
}

image_of() { # name, program
  local content
  content=$(content_key "$2" Dockerfile <(docker image inspect -f '{{.Id}}' "$base"))
  echo "ghcr.io/tracklore/$1:$version-$content"
}

package() { # program, image
  local context
  context=$(mktemp -d) || return
  mkdir -p "$context/usr/bin" &&
    install -m 755 "$1" "$context/usr/bin/" &&
    ln -s "$(basename "$1")" "$context/usr/bin/tracklore" &&
    docker build -q -f Dockerfile --build-arg "BASE=$base" -t "$2" "$context" &&
    # A machine with a newer C library than the base image's makes programs that don't start there.
    docker run --rm --network none "$2" --help >/dev/null
  local rc=$?
  rm -rf "$context"
  [ "$rc" = 0 ] || docker rmi -f "$2"
  return "$rc"
}

drop_older() { # name, image
  docker image ls --filter "reference=ghcr.io/tracklore/$1" --format '{{.Repository}}:{{.Tag}}' | grep -vxF "$2" | xargs -r docker rmi
}

prepare() {
  docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
  "$ROOT/e2e/airgap/images.sh" base
  if registry_reachable; then base=$BASE_REGISTRY; else base=$BASE_AIRGAP; fi
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
}

image() { # name, program: leaves the image's name in $image
  image=$(image_of "$1" "$2")
  docker image inspect "$image" >/dev/null 2>&1 ||
    STEP_HINT="Does the program start on this machine? Then it may need a newer C library than Debian 13 has: build on an older system." \
      step "Image $image" "image-$1" package "$2" "$image"
  drop_older "$1" "$image" >"$LOGS/image-drop.log" 2>&1 || true
  echo "$1=$image"
}

build() {
  prepare
  STEP_HINT="Mend what the compiler says." step "Compile the operator and the services" compile compile
  local name
  : >"$list.new"
  for name in "${names[@]}"; do
    image "$name" "$programs/tracklore-$name"
    echo "TRACKLORE_IMAGE_${name^^}=$image" >>"$list.new"
  done
  mv "$list.new" "$list"
}

load() {
  mapfile -t images < <(cut -d= -f2 "$list")
  "$ROOT/e2e/scripts/cluster.sh" load "${images[@]}"
}

one() { # name, program
  prepare
  image "$@"
}

case ${1:-all} in
  build | load) run=("$1") ;;
  image) run=(one "${2:?its name}" "${3:?the program in it}") ;;
  all) run=(build) ;;
  *) die "build-images.sh [build | load | image NAME PROGRAM]" ;;
esac
printenv TRACKLORE_LOCK_HELD >/dev/null || { TRACKLORE_RUN="build-images.sh" with_lock "$0" "$@"; exit; }
"${run[@]}"
if [ "${1:-all}" = all ] && "$ROOT/e2e/scripts/cluster.sh" status >/dev/null 2>&1; then load; fi
