#!/usr/bin/env bash
# The ledger on a stack of its own on the cluster: people write and read, one fault comes after the other, and after each all that was
# acknowledged is compared with what Postgres, Kafka, Redis and the streams have. Prints the table; see docs/reliability.md.
#   LEDGER_FAULTS="kill-kafka poison"  those (all; a number: so many, whose turn it is)     LEDGER_ROUNDS=5  how often each
#   LEDGER_REPORT=docs/reliability.md  writes the table there
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
play() {
  "$ROOT/e2e/scripts/install.sh"
  set -a
  # shellcheck source=/dev/null
  . "$CACHE/images/services.env"
  set +a
  local dirty=''
  git diff --quiet HEAD -- . ':!docs/reliability.md' || dirty=' with changes'
  LEDGER_COMMIT="$(git rev-parse --short HEAD)$dirty" \
    LEDGER_REPORT=${LEDGER_REPORT:+$(realpath "$LEDGER_REPORT")} \
    cargo test --locked --workspace --test ledger
}
TRACKLORE_RUN="make ledger" with_lock play
