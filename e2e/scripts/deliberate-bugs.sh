#!/usr/bin/env bash
# Whether the ledger sees what it is for: services with a bug each, made on purpose, are killed while people write, and each
# time the ledger must show harm. Without cluster and images: processes against containers of Postgres, Valkey and Kafka.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
bugs=(offset-before-effect publish-before-commit cursor)
options=(--locked --workspace --test it --features "tracklore-feed/deliberate-bugs tracklore-posts/deliberate-bugs")
show() {
  local bug failed=0
  "$ROOT/e2e/scripts/deps.sh" up test
  STEP_HINT="" step "Build services with bugs" deliberate-bugs cargo test "${options[@]}" --no-run
  # The services refuse variables under their prefix that they don't know.
  unset "${!TRACKLORE_@}"
  # shellcheck disable=SC2046  # KEY=value words
  export $("$ROOT/e2e/scripts/deps.sh" env test)
  for bug in "${bugs[@]}"; do
    printf '\n%s== %s%s\n' "$C_BOLD" "$bug" "$C_OFF"
    DELIBERATE_BUG=$bug LEDGER_KILLS=8 cargo test "${options[@]}" -- --nocapture \
      ledger::nothing_is_lost_doubled_or_reordered_while_replicas_are_killed 2>&1 |
      grep -E '^  (lost|doubled|reordered):|writes acknowledged|^test ledger|killed with' || failed=1
    [ "${PIPESTATUS[0]}" = 0 ] || failed=1
  done
  [ "$failed" = 0 ] || die "The ledger passed over a bug: see above."
  say "The ledger shows each of the ${#bugs[@]} bugs."
}
show
