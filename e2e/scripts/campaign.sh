#!/usr/bin/env bash
# The end-to-end tests ROUNDS times (10), counting which fail; then the dashboards; then all that can happen to the operator at an API server; the ledger
# with processes, LEDGER_KILLS (40) long, with its bugs; and then every fault of the ledger as often as the tests: what fails once in a
# hundred times shows only here. The ledger's table goes to docs/reliability.md.
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-10}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || die "ROUNDS is '$rounds': give a number of rounds, such as ROUNDS=10."
failed=0
for ((round = 1; round <= rounds; round++)); do
  printf '\n%s== Round %s of %s%s\n' "$C_BOLD" "$round" "$rounds" "$C_OFF"
  if ! E2E=all "$ROOT/e2e/scripts/test.sh" e2e; then
    failed=$((failed + 1))
    cp "$LOGS/test-e2e.log" "$LOGS/campaign-$(date +%Y%m%d-%H%M%S).log"
  fi
done
say "$((rounds - failed)) of $rounds rounds passed. Logs of the others: $LOGS/campaign-*.log"
# the demo stack in use for three minutes, and every expression of the dashboards asked of a Prometheus that watched it
{ "$ROOT/e2e/scripts/up.sh" && "$ROOT/e2e/scripts/test-dashboards.sh"; } || failed=1
ROUNDS=all cargo test --locked --workspace --no-fail-fast --test apiserver || failed=1
LEDGER_KILLS=${LEDGER_KILLS:-40} "$ROOT/e2e/scripts/deliberate-bugs.sh" || failed=1
LEDGER_FAULTS=all LEDGER_ROUNDS=$rounds LEDGER_REPORT=$ROOT/docs/reliability.md "$ROOT/e2e/scripts/ledger.sh" || failed=1
[ "$failed" = 0 ]
