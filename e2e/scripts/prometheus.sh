#!/usr/bin/env bash
# Prometheus and promtool into $BIN, from Debian's package without installing it. Those that are on the PATH are taken.
. "$(dirname "$0")/lib.sh"
if have promtool && have prometheus; then exit 0; fi
programs=$CACHE/programs
bring() {
  local work
  work=$(mktemp -d)
  chmod 755 "$work"
  (cd "$work" && apt-get download prometheus && dpkg-deb -x prometheus_*.deb root) || return
  mkdir -p "$programs"
  install -m 755 "$work/root/usr/bin/prometheus" "$work/root/usr/bin/promtool" "$programs/"
  rm -rf "$work"
}
is_debian_like || die "promtool and prometheus aren't here: install Prometheus 2.42 or later with your system's package manager."
STEP_HINT="Check that apt reaches its repositories (apt-get update), then run the same command again." \
  step "Prometheus from its package" prometheus bring
for name in prometheus promtool; do ln -sf "../programs/$name" "$BIN/$name"; done
