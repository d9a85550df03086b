#!/usr/bin/env bash
# What watches over a stack: Prometheus' rules and their tests, the dashboards' expressions, runbooks and documented metrics.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
check() {
  local queries
  queries=$(mktemp --suffix .json)
  promtool check rules charts/tracklore-operator/files/rules.yaml
  e2e/scripts/observability.py queries >"$queries"
  promtool check rules "$queries"
  rm -f "$queries"
  e2e/scripts/observability.py
}
"$ROOT/e2e/scripts/prometheus.sh"
STEP_HINT="Mend the rule, dashboard or page that is named." step "Rules, dashboards, runbooks and metrics agree" rules-check check
STEP_HINT="Mend the rules, or their tests in e2e/observe/rules_test.yaml." \
  step "Alerts fire when they should" rules-test promtool test rules e2e/observe/rules_test.yaml
