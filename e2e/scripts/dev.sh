#!/usr/bin/env bash
# The four services as processes of this machine against containers of Postgres, Valkey and Kafka. Sources that change are
# built and the services started anew. Ctrl-C ends them; the containers keep running with their data until `make clean`.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
state=$ROOT/.dev
first_port=8101
. "$ROOT/e2e/scripts/processes.sh"
declare -A pids=() built=()

"$ROOT/e2e/scripts/prerequisites.sh"
TRACKLORE_RUN="make dev" with_lock "$ROOT/e2e/scripts/deps.sh" up dev
# shellcheck disable=SC2046  # KEY=value words
export $("$ROOT/e2e/scripts/deps.sh" env dev)
make_keys

version_of() { stat -c %Y-%s "$CARGO_TARGET_DIR/debug/tracklore-$1"; }
prefixed() { sed -u "s/^/$(printf '%-6s' "$1")| /"; }

stop() {
  [ -n "${pids[$1]:-}" ] || return 0
  kill -TERM "${pids[$1]}" 2>/dev/null || true
  wait "${pids[$1]}" 2>/dev/null || true
  pids[$1]=''
}
# Starts those whose program changed since their start.
start_changed() {
  local service
  for service in "${services[@]}"; do
    [ "${built[$service]:-}" != "$(version_of "$service")" ] || continue
    stop "$service"
    built[$service]=$(version_of "$service")
    (run_service "$service" serve) > >(prefixed "$service") 2>&1 &
    pids[$service]=$!
  done
}
end() {
  trap - INT TERM EXIT
  local service
  printf '\nThe services end; the containers go on (make clean removes them).\n'
  for service in "${services[@]}"; do [ -z "${pids[$service]:-}" ] || kill -TERM "${pids[$service]}" 2>/dev/null || true; done
  wait
  exit 0
}
changed_since() { [ -n "$(find services Cargo.toml Cargo.lock -newer "$1" -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.sql' -o -name '*.lua' -o -name Cargo.lock \) -print -quit)" ]; }

touch "$state/built"
step "Build the services" dev-build build
step "Migrations" dev-migrate migrate
trap end INT TERM EXIT
start_changed
for service in "${services[@]}"; do
  wait_for "$service to be ready" 30 ready "$service" || true
done
cat <<TEXT
${C_BOLD}The services run.${C_OFF} Each has its own address here: there is no gateway without Kubernetes.
  auth   http://localhost:8101   reference: http://localhost:8101/docs   metrics: http://localhost:8191/metrics
  user   http://localhost:8102   reference: http://localhost:8102/docs   metrics: http://localhost:8192/metrics
  posts  http://localhost:8103   reference: http://localhost:8103/docs   metrics: http://localhost:8193/metrics
  feed   http://localhost:8104   reference: http://localhost:8104/docs   metrics: http://localhost:8194/metrics
Postgres $TRACKLORE_DEV_POSTGRES, Valkey $TRACKLORE_DEV_REDIS_URL, Kafka $TRACKLORE_DEV_KAFKA. Mails lie in
.dev/mail. Sources are watched; Ctrl-C ends the services.
TEXT
while sleep 1; do
  for service in "${services[@]}"; do
    if [ -n "${pids[$service]:-}" ] && ! kill -0 "${pids[$service]}" 2>/dev/null; then
      warn "$service has ended: its last lines say why. It starts again when its sources change."
      pids[$service]=''
    fi
  done
  changed_since "$state/built" || continue
  say "Sources changed."
  touch "$state/built"
  if (step "Build the services" dev-build build) && (step "Migrations" dev-migrate migrate); then start_changed; else warn "That didn't build or migrate: the services run on as they were."; fi
done
