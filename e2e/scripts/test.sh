#!/usr/bin/env bash
# The parts of `make test`, each with what it needs, and at the end what each took.
#   test.sh [lint] [unit] [integration] [chart] [e2e]   all of them without arguments
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
scripts=$ROOT/e2e/scripts
[ -z "$C_BOLD" ] || export CARGO_TERM_COLOR=always

# The integration tests of all packages but the end-to-end ones, as options for cargo test.
# Always with --workspace: choosing packages would choose other features, and compile the dependencies a second time.
integration_tests() {
  cargo metadata --no-deps --format-version 1 --locked | jq -r '
    [.packages[] | {end_to_end: (.name == "tracklore-e2e"), name: (.targets[] | select(.kind == ["test"])).name}]
    | group_by(.end_to_end) | map(map(.name) | unique) as [$others, $end_to_end]
    | ($others - ($others - $end_to_end)) as $both
    | if $both != [] then error("Rename the end-to-end tests \($both): other packages have tests of these names.") else $others[] end
    | "--test", .'
}

# The services refuse variables under their prefix that they don't know, so those of the scripts are kept from them.
without_own_variables() { unset "${!TRACKLORE_@}"; }

part_lint() { "$scripts/lint.sh"; }
part_unit() {
  without_own_variables
  cargo test --locked --workspace --no-fail-fast --lib --bins
}
part_integration() {
  local options
  "$scripts/deps.sh" up test
  # Before the variable goes that says who holds the lock: apiserver.sh would wait for this very run to end, which needs all this.
  "$ROOT/e2e/airgap/programs.sh"
  "$ROOT/e2e/airgap/programs.sh" etcd versitygw
  "$scripts/cloudnative-pg.sh" manifest >/dev/null
  "$scripts/strimzi.sh" crds >/dev/null
  without_own_variables
  # shellcheck disable=SC2046  # KEY=value words
  export $("$scripts/deps.sh" env test)
  export TRACKLORE_TEST_S3=$CACHE/programs/versitygw
  # where make observe has built it, the tests of traces find theirs in it
  [ ! -x "$CACHE/programs/jaeger" ] || export TRACKLORE_TEST_JAEGER=$CACHE/programs/jaeger
  options=$(integration_tests)
  # They mostly wait, for services that start and for Kafka's groups. (Those on the cluster don't: stacks that come up use all there is.)
  export RUST_TEST_THREADS=${RUST_TEST_THREADS:-$(($(nproc) * 3))}
  # shellcheck disable=SC2086  # words
  cargo test --locked --workspace --no-fail-fast $options
  step "The CRD and the documents are what the code says" generated-check "$scripts/generate.sh" check
}
part_chart() {
  "$scripts/chart.sh"
  "$scripts/rules.sh"
}
part_e2e() {
  # They take minutes each: every day those of one line, all of them with E2E=all and in make campaign.
  local turns=(
    "external:: options:: upgrade_operator::"
    "strimzi:: restarts::"
    "cloud_native_pg:: backup::"
    "upgrade:: deletion::"
    "node:: identity::whoever_was_told isolation::a_second_stack"
  )
  local today=$(($(date +%s) / 86400 % ${#turns[@]})) turn test skipped=() skips=()
  for turn in "${!turns[@]}"; do
    [ "${E2E:-}" = all ] || [ "$turn" = "$today" ] || read -ra skipped <<<"${skipped[*]} ${turns[turn]}"
  done
  for test in "${skipped[@]}"; do skips+=(--skip "$test"); done
  "$scripts/install.sh"
  "$ROOT/e2e/airgap/programs.sh" versitygw
  export TRACKLORE_TEST_S3=$CACHE/programs/versitygw
  set -a
  # shellcheck source=/dev/null
  . "$CACHE/images/services.env"
  set +a
  remove_test_stacks
  TRACKLORE_GATEWAY_API_CRDS=$("$scripts/gateway-api.sh")
  TRACKLORE_STRIMZI_CRDS=$("$scripts/strimzi.sh" crds)
  export TRACKLORE_GATEWAY_API_CRDS TRACKLORE_STRIMZI_CRDS
  "$scripts/cloudnative-pg.sh" up
  if [[ " ${skipped[*]} " != *" upgrade:: "* ]]; then
    TRACKLORE_NEXT_POSTS=$("$scripts/next.sh")
    export TRACKLORE_NEXT_POSTS
  fi
  cargo build --locked --workspace --bin kubectl-tracklore
  local kept recorder
  kept=$(mktemp -d)
  setsid "$scripts/leaks.py" record "$kept" &
  recorder=$!
  # shellcheck disable=SC2064 # these very ones
  trap "kill -- -$recorder 2>/dev/null || true; wait $recorder || true; rm -rf '$kept'" EXIT
  cargo test --locked --workspace --no-fail-fast --test cluster -- "${skips[@]}"
  for test in upgrade_operator node; do
    [[ " ${skipped[*]} " == *" $test:: "* ]] || cargo test --locked --workspace --test "$test"
  done
  # every day others; all of them play in make ledger and make campaign
  LEDGER_FAULTS=2 cargo test --locked --workspace --test ledger
  STEP_HINT="Whoever logs it must stop; the log names pod and Secret." step "No secret in any log" leaks "$scripts/leaks.py" search "$kept"
  tail -n 2 "$LOGS/leaks.log"
  remove_test_stacks
  docker exec tracklore-control-plane sh -c 'cat /var/log/kubernetes/audit*.log' >"$LOGS/audit.log"
  "$scripts/grants.py" "$LOGS/audit.log" "${skipped[@]}"
}
# Those of a run that failed stay until the next one, to be looked at.
remove_test_stacks() {
  local namespace
  # Topics wait for Strimzi's stand-in to let them go, which went with its test when that was killed.
  for namespace in $(kubectl --context kind-tracklore get namespaces --selector tracklore.io/test -o name | cut -d/ -f2); do
    { kubectl --context kind-tracklore -n "$namespace" get kafkatopics -o name 2>/dev/null || true; } |
      xargs -r kubectl --context kind-tracklore -n "$namespace" patch --type merge --patch '{"metadata": {"finalizers": null}}'
  done
  kubectl --context kind-tracklore delete namespaces,clusterroles,clusterrolebindings,storageclasses --selector tracklore.io/test --ignore-not-found --timeout 3m
}

run_parts() {
  local part began rc failed=0 table='' log
  "$scripts/prerequisites.sh" test
  for part in "$@"; do
    log=$LOGS/test-$part.log
    began=$SECONDS
    printf '\n%s== %s%s\n' "$C_BOLD" "$part" "$C_OFF"
    set +e
    (set -e; "part_$part") 2>&1 | tee "$log"
    rc=${PIPESTATUS[0]}
    set -e
    if [ "$rc" = 0 ]; then rc=passed; else rc=FAILED failed=1; fi
    table+=$(printf '  %-12s %-7s %10s   %s' "$part" "$rc" "$(seconds $((SECONDS - began)))" "$log")$'\n'
  done
  printf '\n%sWhat each part took%s\n%s' "$C_BOLD" "$C_OFF" "$table"
  for part in "$@"; do cat "$LOGS/test-$part.log"; done | sed 's/\x1b\[[0-9;]*m//g' |
    awk '/^test result:/ {for (i = 2; i <= NF; i++) {if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1)}}
         END {printf "%d passed, %d failed\n", p, f}'
  return "$failed"
}

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(lint unit integration chart e2e)
TRACKLORE_RUN="make test (${parts[*]})" with_lock run_parts "${parts[@]}"
