#!/usr/bin/env bash
# Benchmarks: what runs on the cluster, when it runs, and the services by themselves, each figure beside the least that it
# could cost on this machine in the same run.
#   bench.sh [identity] [writes] [flow] [visible] [reads]   all without arguments; named ones leave the cluster out
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
scripts=$ROOT/e2e/scripts
benches=("$@")

if [ ${#benches[@]} = 0 ]; then
  benches=(identity writes flow visible reads)
  if curl -sf -m 5 -o /dev/null "${TRACKLORE_URL:-http://localhost:8080}/v1/feed/global"; then
    "$scripts/bench-stack.sh"
  else
    say "The stack doesn't run (make up), so it is left out."
  fi
fi

printf '\n%sThe services by themselves%s, in release, with Postgres, Valkey and Kafka in containers\n' "$C_BOLD" "$C_OFF"
printf '  %s, %s processors, %s\n' "$(git describe --always --dirty)" "$(nproc)" \
  "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"
"$scripts/deps.sh" up test
build() { cargo build --release --locked --workspace --bins && cargo bench --locked --workspace --no-run "${selected[@]}"; }
selected=()
for bench in "${benches[@]}"; do selected+=(--bench "$bench"); done
step "Build in release" bench-build build
# The services refuse variables under their prefix that they don't know.
variables=$("$scripts/deps.sh" env test)
unset "${!TRACKLORE_@}"
# shellcheck disable=SC2086,SC2163  # KEY=value words
export $variables
cargo bench --quiet --locked --workspace "${selected[@]}"
