# shellcheck shell=bash
# The four services as processes of this machine: their settings, and how they are built, migrated and asked. Sourced after
# lib.sh by scripts that have set
#   state       a folder for keys, secrets and mails
#   first_port  auth's public port; the others follow it, internal ports 10 and admin ports 90 later
# and the addresses that `deps.sh env` prints.
: "${state:?}" "${first_port:?}"
# shellcheck disable=SC2034  # of those who source this
services=(auth user posts feed)

# Keys and secrets, made once: tokens stay valid over restarts.
make_keys() {
  local service
  mkdir -p "$state/keys" "$state/clients"
  chmod 700 "$state"
  compgen -G "$state/keys/*.pem" >/dev/null || openssl genpkey -algorithm ed25519 -out "$state/keys/$(date -u +%Y%m%d%H%M%S).pem"
  [ -s "$state/session-key" ] || openssl rand -base64 32 | tr -d '\n' >"$state/session-key"
  for service in user feed; do
    [ -s "$state/clients/$service" ] || openssl rand -hex 24 | tr -d '\n' >"$state/clients/$service"
  done
}

public() { echo $((first_port + $1)); }
internal() { echo $((first_port + 10 + $1)); }
admin() { echo $((first_port + 90 + $1)); }
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
TRACKLORE_PUBLIC_URL=http://localhost:$(public 0)
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
    echo "TRACKLORE_SIGNING_KEYS_DIR=$state/keys"
    echo "TRACKLORE_SESSION_KEY=$(cat "$state/session-key")"
    echo "TRACKLORE_CLIENTS_DIR=$state/clients"
    echo "TRACKLORE_MAIL_URL=file://$state/mail"
  else
    echo "TRACKLORE_JWKS_URL=http://127.0.0.1:$(public 0)/.well-known/jwks.json"
  fi
  if [ "$service" = user ] || [ "$service" = feed ]; then
    echo "TRACKLORE_AUTH_INTERNAL_URL=http://127.0.0.1:$(internal 0)"
    echo "TRACKLORE_CLIENT_ID=$service"
    echo "TRACKLORE_CLIENT_SECRET=$(cat "$state/clients/$service")"
  fi
}
# Nothing of this script's own environment under the prefix: the services refuse keys that they don't know.
run_service() { # service, subcommand, further KEY=value words, and arguments after a --
  local service=$1 subcommand=$2 variables
  shift 2
  mapfile -t variables < <(environment "$service")
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done
  [ $# = 0 ] || shift
  exec env -i PATH="$PATH" HOME="$HOME" "${variables[@]}" "$CARGO_TARGET_DIR/debug/tracklore-$service" "$subcommand" "$@"
}

build() { cargo build --locked --bin tracklore-auth --bin tracklore-user --bin tracklore-posts --bin tracklore-feed; }
migrate() {
  local service
  for service in auth user posts; do
    (run_service "$service" migrate "TRACKLORE_MIGRATION_DATABASE_URL=$(database "$service" _migration)")
  done
}
ready() { curl -sf -m 1 -o /dev/null "http://127.0.0.1:$(admin "$(index_of "$1")")/readyz"; }
