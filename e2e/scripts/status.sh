#!/usr/bin/env bash
# What runs, in one screen.
. "$(dirname "$0")/lib.sh"
kube() { kubectl --context kind-tracklore --request-timeout 5s "$@"; }

"$ROOT/e2e/scripts/cluster.sh" status || exit 0
if kube get --raw /readyz >/dev/null 2>&1; then
  printf '\n%sOperator%s\n' "$C_BOLD" "$C_OFF"
  kube -n tracklore-system get deployments,pods 2>&1 || true
  printf '\n%sStacks%s\n' "$C_BOLD" "$C_OFF"
  kube get tracklorestacks -A 2>&1 || true
  if kube -n demo get tracklorestack demo >/dev/null 2>&1; then
    printf '\n%sdemo%s\n' "$C_BOLD" "$C_OFF"
    kube -n demo get tracklorestack demo -o json |
      jq -r '.status.conditions // [] | .[] | "  \(.type)\t\(.status)\t\(.message // "")"' | column -t -s $'\t'
    kube -n demo get pods
  fi
fi
if docker info >/dev/null 2>&1; then
  printf '\n%sContainers of tests and make dev%s\n' "$C_BOLD" "$C_OFF"
  docker ps --filter label=tracklore.deps --format '  {{.Names}}  {{.Status}}  {{.Ports}}'
fi
if [ -e "$CACHE/lock.holder" ] && ! flock -n "$CACHE/lock" true; then printf '\nAt work: %s\n' "$(cat "$CACHE/lock.holder")"; fi
