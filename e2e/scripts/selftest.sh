#!/usr/bin/env bash
# Tests of lib.sh: what all other scripts lean on when something fails or is interrupted. Part of `make lint`.
. "$(dirname "$0")/lib.sh"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
passed=0 failed=0

# A script with lib.sh and a cache of its own, given on standard input.
script() { { echo ". '$ROOT/e2e/scripts/lib.sh'"; cat; } >"$place/script.sh"; }
in_script() { env -u TRACKLORE_LOCK_HELD TRACKLORE_CACHE="$place/cache" bash "$place/script.sh"; }
# it "does what" command…
it() {
  local what=$1
  shift
  if "$@" >"$place/output" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
    sed 's/^/    /' "$place/output"
  fi
}

a_failure_inside_a_function_ends_the_step() {
  script <<<'work() { echo "the cause"; false; echo "went on"; }
    STEP_HINT="Do this." step "Work" work work; echo "went on"'
  local output
  if output=$(in_script 2>&1); then return 1; fi
  echo "$output"
  grep -q 'the cause' <<<"$output" && grep -q 'Do this.' <<<"$output" && grep -q "$place/cache/logs/work.log" <<<"$output" &&
    ! grep -q 'went on' <<<"$output"
}
a_failure_under_the_lock_is_its_result() {
  script <<<'work() { false; true; }; with_lock work'
  ! in_script
}
a_nested_lock_does_not_wait_for_itself() {
  script <<<'inner() { echo inside; }; outer() { with_lock inner; }; TRACKLORE_LOCK_WAIT=1 with_lock outer'
  in_script | grep -q inside
}
two_runs_exclude_each_other_and_say_who() {
  mkfifo "$place/go"
  script <<<"holder() { echo held >'$place/held'; read -r _ <'$place/go'; }; TRACKLORE_RUN='the first' with_lock holder"
  cp "$place/script.sh" "$place/first.sh"
  env -u TRACKLORE_LOCK_HELD TRACKLORE_CACHE="$place/cache" bash "$place/first.sh" &
  local first=$! output
  wait_for "the first run" 10 test -e "$place/held" || return 1
  script <<<'TRACKLORE_LOCK_WAIT=1 with_lock echo entered'
  output=$(in_script 2>&1) && return 1
  echo "$output"
  grep -q 'the first' <<<"$output" || return 1
  ! grep -q entered <<<"$output" || return 1
  # a run that was killed holds nothing, whatever it had started
  pkill -KILL -P "$first" || true
  kill -KILL "$first"
  wait "$first" 2>/dev/null || true
  in_script | grep -q entered
}
a_daemon_started_in_a_step_does_not_keep_the_lock() {
  script <<<"daemon() { sleep 60 & echo \$! >'$place/daemon'; }; work() { step Daemon daemon daemon; }; with_lock work"
  in_script || return 1
  script <<<'TRACKLORE_LOCK_WAIT=1 with_lock echo entered'
  local rc=0
  in_script | grep -q entered || rc=1
  kill "$(cat "$place/daemon")"
  return "$rc"
}
the_key_changes_with_contents_and_names_only() {
  mkdir -p "$place/a" "$place/b"
  echo one >"$place/a/file"
  echo one >"$place/b/file"
  [ "$(content_key "$place/a")" = "$(content_key "$place/b")" ] || return 1
  mv "$place/b/file" "$place/b/other"
  [ "$(content_key "$place/a")" != "$(content_key "$place/b")" ] || return 1
  echo two >"$place/b/other"
  mv "$place/b/other" "$place/b/file"
  [ "$(content_key "$place/a")" != "$(content_key "$place/b")" ]
}

it "a failure inside a function ends the step, with its log and what to do" a_failure_inside_a_function_ends_the_step
it "a failure under the lock is its result" a_failure_under_the_lock_is_its_result
it "a nested lock doesn't wait for itself" a_nested_lock_does_not_wait_for_itself
it "two runs exclude each other and say who it is" two_runs_exclude_each_other_and_say_who
it "a daemon started in a step doesn't keep the lock" a_daemon_started_in_a_step_does_not_keep_the_lock
it "the key changes with contents and names only" the_key_changes_with_contents_and_names_only
echo "test result: $passed passed; $failed failed"
[ "$failed" = 0 ]
