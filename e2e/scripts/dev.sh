#!/usr/bin/env bash
# The four services as processes of this machine against containers of Postgres, Valkey and Kafka. Sources that change are
# built and the services started anew. Ctrl-C ends them; the containers keep running with their data until `make clean`.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
services=(auth user posts feed)
dev=$ROOT/.dev
declare -A pids=() built=()

"$ROOT/e2e/scripts/prerequisites.sh"
TRACKLORE_RUN="make dev" with_lock "$ROOT/e2e/scripts/deps.sh" up dev
# shellcheck disable=SC2046  # KEY=value words
export $("$ROOT/e2e/scripts/deps.sh" env dev)

# Keys and secrets of this working tree, made once: tokens stay valid over restarts.
mkdir -p "$dev/keys" "$dev/clients"
chmod 700 "$dev"
compgen -G "$dev/keys/*.pem" >/dev/null || openssl genpkey -algorithm ed25519 -out "$dev/keys/$(date -u +%Y%m%d%H%M%S).pem"
[ -s "$dev/session-key" ] || openssl rand -base64 32 | tr -d '\n' >"$dev/session-key"
for service in user posts feed; do
  [ -s "$dev/clients/$service" ] || openssl rand -hex 24 | tr -d '\n' >"$dev/clients/$service"
done

public() { echo $((8101 + $1)); }
internal() { echo $((8111 + $1)); }
admin() { echo $((8191 + $1)); }
index_of() { case $1 in auth) echo 0 ;; user) echo 1 ;; posts) echo 2 ;; feed) echo 3 ;; esac; }
database() { echo "postgres://tracklore_$1$2:$TRACKLORE_DEV_PASSWORD@$TRACKLORE_DEV_POSTGRES/tracklore_$1"; }

# The environment of a service, KEY=value lines.
environment() {
  local service=$1 index
  index=$(index_of "$service")
  cat <<ENV
TRACKLORE_LISTEN_PUBLIC=127.0.0.1:$(public "$index")
TRACKLORE_LISTEN_INTERNAL=127.0.0.1:$(internal "$index")
TRACKLORE_LISTEN_ADMIN=127.0.0.1:$(admin "$index")
TRACKLORE_LOG=${TRACKLORE_LOG:-info}
TRACKLORE_LOG_FORMAT=text
TRACKLORE_PUBLIC_URL=http://localhost:8101
TRACKLORE_SHUTDOWN_DRAIN=0s
TRACKLORE_KAFKA_BOOTSTRAP_SERVERS=$TRACKLORE_DEV_KAFKA
TRACKLORE_KAFKA_SECURITY_PROTOCOL=plaintext
ENV
  if [ "$service" = feed ]; then
    echo "TRACKLORE_REDIS_URL=$TRACKLORE_DEV_REDIS_URL"
    echo "TRACKLORE_USER_INTERNAL_URL=http://127.0.0.1:$(internal 1)"
    echo "TRACKLORE_POSTS_INTERNAL_URL=http://127.0.0.1:$(internal 2)"
  else
    echo "TRACKLORE_DATABASE_URL=$(database "$service" "")"
  fi
  if [ "$service" = auth ]; then
    echo "TRACKLORE_EMAIL_VERIFICATION=optional"
    echo "TRACKLORE_SIGNING_KEYS_DIR=$dev/keys"
    echo "TRACKLORE_SESSION_KEY=$(cat "$dev/session-key")"
    echo "TRACKLORE_CLIENTS_DIR=$dev/clients"
    echo "TRACKLORE_MAIL_URL=file://$dev/mail"
  else
    echo "TRACKLORE_JWKS_URL=http://127.0.0.1:$(public 0)/.well-known/jwks.json"
    echo "TRACKLORE_AUTH_INTERNAL_URL=http://127.0.0.1:$(internal 0)"
    echo "TRACKLORE_CLIENT_ID=$service"
    echo "TRACKLORE_CLIENT_SECRET=$(cat "$dev/clients/$service")"
  fi
}
# Nothing of this script's own environment under the prefix: the services refuse keys that they don't know.
run_service() { # service, subcommand, further KEY=value words
  local service=$1 subcommand=$2 variables
  shift 2
  mapfile -t variables < <(environment "$service")
  exec env -i PATH="$PATH" HOME="$HOME" "${variables[@]}" "$@" "$CARGO_TARGET_DIR/debug/tracklore-$service" "$subcommand"
}

build() { cargo build --locked --bin tracklore-auth --bin tracklore-user --bin tracklore-posts --bin tracklore-feed; }
migrate() {
  local service
  for service in auth user posts; do
    (run_service "$service" migrate "TRACKLORE_MIGRATION_DATABASE_URL=$(database "$service" _migration)")
  done
}
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
ready() { curl -sf -m 1 -o /dev/null "http://127.0.0.1:$(admin "$(index_of "$1")")/readyz"; }

touch "$dev/built"
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
  changed_since "$dev/built" || continue
  say "Sources changed."
  touch "$dev/built"
  if (step "Build the services" dev-build build) && (step "Migrations" dev-migrate migrate); then start_changed; else warn "That didn't build or migrate: the services run on as they were."; fi
done
