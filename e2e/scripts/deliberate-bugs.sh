#!/usr/bin/env bash
# Whether the ledger sees what it is for: services with a bug each, made on purpose, are killed while people write, and each
# time the ledger must show harm; and none in services of the same build that have no bug, or clocks that are apart. Without
# cluster and images: processes against containers of Postgres, Valkey and Kafka.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
options=(--locked --workspace --test it --features "tracklore-feed/deliberate-bugs tracklore-posts/deliberate-bugs")
show() {
  local log=$LOGS/deliberate-bugs-played.log
  "$ROOT/e2e/scripts/deps.sh" up test
  STEP_HINT="" step "Build services with bugs" deliberate-bugs cargo test "${options[@]}" --no-run
  # The services refuse variables under their prefix that they don't know.
  unset "${!TRACKLORE_@}"
  # shellcheck disable=SC2046  # KEY=value words
  export $("$ROOT/e2e/scripts/deps.sh" env test)
  # One after the other, so that what is printed is of one; a filter that finds no test would pass.
  cargo test "${options[@]}" -- --nocapture --test-threads=1 ledger:: 2>&1 | tee "$log" |
    grep --line-buffered -E '^(==|[0-9]+ lost|  (lost|doubled|reordered):|test result: FAILED)|writes acknowledged|^test ledger|killed with|panicked' ||
    die "The ledger passed over a bug, or showed harm where there is none: see $log"
  [ "$(grep -c '_seen_to_.* \.\.\.' "$log")" -ge 3 ] || die "The bugs were not played: see $log"
  say "The ledger shows each of the bugs, and nothing else."
}
show
