#!/usr/bin/env bash
# What this machine must have before anything is built. Installs it on a Debian-like system as root; elsewhere says, one
# sentence each, what is missing and how to get it. Docker is e2e/airgap/docker.sh's.
#   prerequisites.sh [test]   with `test`: also what only `make test` needs
. "$(dirname "$0")/lib.sh"

packages=()
problems=()

# program PACKAGE: a program that a package of the same or another name brings
program() { have "$1" || packages+=("${2:-$1}"); }
library() { pkg-config --exists "$1" 2>/dev/null || packages+=("$2"); }

program cc build-essential
program make build-essential
program pkg-config
program git
program curl
program jq
program zstd
program openssl
program xz xz-utils
program ss iproute2
library openssl libssl-dev
library zlib zlib1g-dev
[ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -d /etc/apt ] || packages+=(ca-certificates)
if [ "${1:-}" = test ]; then
  program shellcheck
  program mvn maven # for the jars that Strimzi's CRDs are made of
  program python3
  python3 -c 'import yaml' 2>/dev/null || packages+=(python3-yaml)
fi
if ! registry_reachable; then
  # Kafka's jars come from Maven Central where its image can't be pulled.
  program mvn maven
  program python3
fi

install_packages() {
  apt-get update -qq || true # a repository that doesn't answer may be none of those that count
  # dpkg may fail once on a fresh machine while it sets packages up: the second run finishes them
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
if [ ${#packages[@]} -gt 0 ]; then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  if is_root && is_debian_like; then
    STEP_HINT="Check that apt reaches its repositories (apt-get update), then run the same command again." \
      step "Install packages: ${packages[*]}" packages install_packages "${packages[@]}"
  else
    how="as root: apt-get install"
    is_debian_like || how="with your system's package manager; these are Debian's names:"
    problems+=("Packages are missing; install them $how ${packages[*]}")
  fi
fi

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
rust_here=$(rustc --version 2>/dev/null | awk '{print $2}' || true)
if [ -z "$rust_here" ] || ! have cargo; then
  problems+=("Rust $rust_wanted or newer is missing: get it from https://rustup.rs")
elif ! at_least "$rust_wanted" "$rust_here"; then
  problems+=("Rust is $rust_here, and $rust_wanted or newer is needed: rustup update stable")
elif [ "${1:-}" = test ]; then
  cargo clippy --version >/dev/null 2>&1 || problems+=("Clippy is missing: rustup component add clippy")
  cargo fmt --version >/dev/null 2>&1 || problems+=("rustfmt is missing: rustup component add rustfmt")
fi

# The cluster's programs (kubectl, kind, helm …) are built from their Go modules.
go_wanted=$(sed -n 's/^go \(.*\)/\1/p' "$ROOT/e2e/airgap/src/kube/go.mod")
go_here=$(go env GOVERSION 2>/dev/null | sed 's/^go//; s/ .*//' || true)
if [ -z "$go_here" ]; then
  problems+=("Go $go_wanted or newer is missing: get it from https://go.dev/dl")
elif ! at_least "$go_wanted" "$go_here"; then
  problems+=("Go is $go_here, and $go_wanted or newer is needed: get it from https://go.dev/dl")
fi

# A first run builds everything; later ones only what changed.
room=15
[ -d "$CARGO_TARGET_DIR/debug/deps" ] && [ -x "$BIN/kind" ] && room=4
for place in "$CACHE" /var/lib/docker; do
  [ -d "$place" ] || continue
  free=$(free_gib "$place")
  [ "$free" -ge "$room" ] ||
    problems+=("The disk of $place has $free GiB free, and $room GiB are needed: make room (make clean-cache drops what Tracklore keeps), or set TRACKLORE_CACHE to a folder on another disk.")
done

if [ ${#problems[@]} -gt 0 ]; then
  for problem in "${problems[@]}"; do printf '%s✘ %s%s\n' "$C_RED" "$problem" "$C_OFF" >&2; done
  exit 1
fi
