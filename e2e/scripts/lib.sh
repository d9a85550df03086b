# shellcheck shell=bash
# What all scripts share: where things lie, how a step is shown, the lock, and small questions about this machine.
# Sourced, never run:  . "$(dirname "$0")/lib.sh"
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE=${TRACKLORE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tracklore}
BIN=$CACHE/bin
LOGS=$CACHE/logs
export ROOT CACHE BIN LOGS
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}
# The project's own tools come first: what lies on the PATH already may be years old.
case ":$PATH:" in *":$BIN:"*) ;; *) export PATH="$BIN:$PATH" ;; esac
mkdir -p "$BIN" "$LOGS" "$CACHE/images" 2>/dev/null ||
  { echo "The cache $CACHE can't be written: make it writable, or set TRACKLORE_CACHE to another folder." >&2; exit 1; }

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  C_BOLD=$'\e[1m' C_DIM=$'\e[2m' C_GREEN=$'\e[32m' C_RED=$'\e[31m' C_OFF=$'\e[0m'
else
  C_BOLD='' C_DIM='' C_GREEN='' C_RED='' C_OFF=''
fi

say() { printf '%s\n' "$*"; }
warn() { printf '%s!%s %s\n' "$C_BOLD" "$C_OFF" "$*" >&2; }
# die "sentence that says what is wrong and what to do"
die() { printf '%s✘ %s%s\n' "$C_RED" "$*" "$C_OFF" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }
is_debian_like() { have apt-get && have dpkg; }

# step "Title" logname command args…
# Runs the command with its output in $LOGS/logname.log. A step that takes long says every half minute that it is alive,
# and what its log says. STEP_HINT, when set, is the sentence after a failure. Scripts that have steps of their own are
# called as they are, not inside a step.
step() {
  local title=$1 log=$LOGS/$2.log began=$SECONDS rc=0 beat=''
  shift 2
  printf '%s▸%s %s\n' "$C_BOLD" "$C_OFF" "$title"
  : >"$log"
  # A step inside another one's log has nobody to tell.
  if [ -z "${TRACKLORE_IN_STEP:-}" ]; then
    heartbeat "$title" "$log" "$BASHPID" &
    beat=$!
  fi
  # Descriptor 9 is the lock: a daemon that inherited it would hold it for ever.
  # In `|| rc=$?` a failure inside a function would be passed over, so -e is taken off out here only.
  set +e
  (set -e; export TRACKLORE_IN_STEP=1; "$@") >"$log" 2>&1 9>&- </dev/null
  rc=$?
  set -e
  if [ -n "$beat" ]; then
    kill "$beat" 2>/dev/null || true
    wait "$beat" 2>/dev/null || true
  fi
  if [ "$rc" = 0 ]; then
    printf '%s✔%s %s %s(%s)%s\n' "$C_GREEN" "$C_OFF" "$title" "$C_DIM" "$(seconds $((SECONDS - began)))" "$C_OFF"
    return 0
  fi
  {
    printf '%s✘ %s failed after %s (exit code %s). The end of its log:%s\n' \
      "$C_RED" "$title" "$(seconds $((SECONDS - began)))" "$rc" "$C_OFF"
    tail -n 30 "$log" | sed 's/^/    /'
    printf 'The whole log: %s\n%s\n' "$log" "${STEP_HINT:-Mend what the log names and run the same command again: it goes on where it stopped.}"
  } >&2
  exit "$rc"
}

heartbeat() { # title, log, process to watch
  exec 9>&-
  local began=$SECONDS next=30 line
  while kill -0 "$3" 2>/dev/null; do
    sleep 1 >/dev/null 2>&1
    if [ $((SECONDS - began)) -ge "$next" ]; then
      line=$(tail -c 2000 "$2" 2>/dev/null | tr '\r' '\n' | grep -av '^[[:space:]]*$' | tail -n 1 | cut -c1-100 || true)
      printf '%s  … %s, %s: %s%s\n' "$C_DIM" "$1" "$(seconds $((SECONDS - began)))" "$line" "$C_OFF"
      next=$((next + 30))
    fi
  done
}

seconds() { if [ "$1" -ge 60 ]; then printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); else printf '%d s' "$1"; fi; }

# with_lock command args…  One run at a time on this machine; a nested call just runs. Waits for the other run, and says who that is.
with_lock() {
  if [ -n "${TRACKLORE_LOCK_HELD:-}" ]; then
    "$@"
    return
  fi
  local rc=0
  have flock || die "flock is missing: install util-linux."
  exec 9>>"$CACHE/lock"
  if ! flock -n 9; then
    say "Another run is at work: $(cat "$CACHE/lock.holder" 2>/dev/null || echo unknown). Waiting for it to end (Ctrl-C to leave)."
    flock -w "${TRACKLORE_LOCK_WAIT:-1800}" 9 ||
      die "The other run ($(cat "$CACHE/lock.holder" 2>/dev/null || echo unknown)) still works: let it end, or stop it, and try again."
  fi
  printf 'process %s, %s, since %s' "$$" "${TRACKLORE_RUN:-$(basename "$0")}" "$(date +%H:%M:%S)" >"$CACHE/lock.holder"
  set +e
  (set -e; export TRACKLORE_LOCK_HELD=1; "$@") 9>&-
  rc=$?
  set -e
  rm -f "$CACHE/lock.holder"
  exec 9>&-
  return "$rc"
}

# content_key files and folders…  One short key for the contents (and relative names) of all of them.
content_key() {
  local item
  for item in "$@"; do
    [ -e "$item" ] || die "content_key: $item isn't there."
    if [ -d "$item" ]; then
      (cd "$item" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
    else
      sha256sum <"$item"
    fi
  done | sha256sum | cut -c1-12
}

# registry_reachable  Whether Docker Hub answers. TRACKLORE_REGISTRY=yes|no decides without asking; asked once a run.
registry_reachable() {
  case ${TRACKLORE_REGISTRY:-auto} in
    yes) return 0 ;;
    no) return 1 ;;
  esac
  local code
  code=$(curl -s -o /dev/null -m 8 -w '%{http_code}' https://registry-1.docker.io/v2/ 2>/dev/null || true)
  # Without credentials a registry answers 401: anything else is a proxy that refuses, or nobody.
  case $code in 200 | 401) export TRACKLORE_REGISTRY=yes ;; *) export TRACKLORE_REGISTRY=no ;; esac
  [ "$TRACKLORE_REGISTRY" = yes ]
}

# wait_for "what" seconds command…  Tries the command until it succeeds; 1 when the time is over.
wait_for() {
  local what=$1 until=$((SECONDS + $2))
  shift 2
  while ! "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$until" ] || { warn "Waited in vain for $what."; return 1; }
    sleep 0.3
  done
}

# circumstances  In what a measurement is made that is kept in a document.
circumstances() {
  printf 'Commit %s, %s, %s × %s, %s, load %s before it began.\n\n' "$(git describe --always --dirty --abbrev=12)" "$(date -u +%Y-%m-%d)" \
    "$(nproc)" "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(awk '/^MemTotal/ {printf "%d GiB", $2 / 1048576 + 0.5}' /proc/meminfo)" "$(cut -d' ' -f1 /proc/loadavg)"
}

free_gib() { df -Pk "${1:-$CACHE}" | awk 'NR==2 {printf "%d", $4 / 1048576}'; }
