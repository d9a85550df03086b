#!/bin/bash
# Docker on this machine. Does nothing when a daemon answers; else, as root on a Debian-like system, it installs what
# is missing and starts the daemon in a session of its own (there may be no init system to do it).
set -euo pipefail
# shellcheck source=../scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"

docker version >/dev/null 2>&1 && exit 0
[ "$(id -u)" = 0 ] ||
  die "Docker does not answer and this account may not start it: start Docker, or let this account use it, and try again."

packages=(docker.io iptables zstd xz-utils)
install_packages() {
  apt-get update -qq
  # dpkg may fail once on a fresh machine while it sets packages up: the second run finishes them
  for _ in 1 2; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" && return
  done
  return 1
}
if ! command -v dockerd >/dev/null || ! command -v runc >/dev/null; then
  command -v apt-get >/dev/null ||
    die "There is no Docker here, and it can be installed for you only on Debian and its relatives: install Docker and try again."
  step "Install Docker" docker-install install_packages
fi

running() { # pid file, program: is that process there? (one that was killed may still lie there as a zombie: no exe)
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && readlink "/proc/$pid/exe" >/dev/null
}
if running /var/run/docker.pid dockerd; then
  wait_for "the Docker daemon to answer" 60 docker version && exit 0
  die "A Docker daemon runs (process $(cat /var/run/docker.pid)) and does not answer: stop it and try again."
fi
# A daemon that was killed leaves pid files behind; the new one would take the numbers in them for its predecessor.
rm -f /var/run/docker.pid
running /var/run/docker/containerd/containerd.pid containerd || rm -f /var/run/docker/containerd/containerd.pid

options=()
# bit 24: CAP_SYS_RESOURCE
bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
if ((!(0x$bounding >> 24 & 1))); then
  wrapper=/usr/local/lib/tracklore/runc-lesscaps
  install -D -m 755 "$ROOT/e2e/airgap/docker/runc-lesscaps" "$wrapper"
  options=(--add-runtime "lesscaps=$wrapper" --default-runtime lesscaps)
fi

start_daemon() {
  setsid nohup dockerd --log-opt max-size=20m "${options[@]}" >"$LOGS/dockerd.log" 2>&1 </dev/null &
  wait_for "the Docker daemon to answer" 60 docker version && return
  tail -15 "$LOGS/dockerd.log"
  return 1
}
step "Start Docker" docker-start start_daemon
