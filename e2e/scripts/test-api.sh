#!/usr/bin/env bash
# Schemathesis against the four services, by their OpenAPI documents: EXAMPLES requests (100) of each operation, good ones and
# bad ones, by somebody with a good token. What it does and doesn't look at stands with the reasons in e2e/api.
#   test-api.sh [auth|user|posts|feed]…   all of them without arguments
# The services run as processes against containers of their own, which are removed again.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
SCHEMATHESIS_VERSION=4.32.5
examples=${EXAMPLES:-100}
[[ $examples =~ ^[1-9][0-9]*$ ]] || die "EXAMPLES is '$examples': give a number of requests, such as EXAMPLES=100."
home=$CACHE/schemathesis-$SCHEMATHESIS_VERSION
state=$(mktemp -d)
first_port=8201
. "$ROOT/e2e/scripts/processes.sh"
pids=()

install_schemathesis() {
  rm -rf "$home"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet "schemathesis==$SCHEMATHESIS_VERSION"
  touch "$home/installed"
}
# Throttles that protect people would refuse what is asked for here; a run takes longer than a token lives.
start() {
  local service=$1 more=()
  if [ "$service" = auth ]; then
    more=(TRACKLORE_SIGNUPS_PER_ADDRESS=1000000000 TRACKLORE_LOGIN_FAILURES_PER_ADDRESS=1000000000 TRACKLORE_ACCESS_TOKEN_TTL=1h)
  fi
  (run_service "$service" serve "${more[@]}") >"$LOGS/api-$service-service.log" 2>&1 &
  pids+=($!)
}
end() {
  trap - INT TERM EXIT
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do kill -TERM "$pid" 2>/dev/null || true; done
  wait
  "$ROOT/e2e/scripts/deps.sh" down api
  rm -rf "$state"
}
# Somebody who may everything, and their tokens.
administrator() {
  local auth password='a long enough secret' scope
  auth=http://127.0.0.1:$(public 0)/v1/auth
  curl -sf -o /dev/null "$auth/signup" -H 'content-type: application/json' \
    -d "{\"username\":\"root\",\"email\":\"root@example.org\",\"password\":\"$password\"}"
  for scope in users:admin badges:admin posts:moderate; do
    (run_service auth grant -- root "$scope") >/dev/null
  done
  curl -sf "$auth/login" -H 'content-type: application/json' -d "{\"login\":\"root\",\"password\":\"$password\"}" | jq -r .access_token
}
ask() { # service
  local url
  url=http://127.0.0.1:$(public "$(index_of "$1")")
  # it keeps notes where it runs
  cd "$state"
  SCHEMATHESIS_HOOKS=e2e.api.hooks API_TOKEN=$token API_AUTH=http://127.0.0.1:$(public 0) PYTHONPATH=$ROOT PYTHONDONTWRITEBYTECODE=1 \
    "$home/bin/schemathesis" --config-file "$ROOT/e2e/api/$1.toml" run "$url/openapi.json" \
    --max-examples "$examples" --report-dir "$LOGS/api-$1" --report junit
}

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=("${services[@]}")
"$ROOT/e2e/scripts/prerequisites.sh"
[ -e "$home/installed" ] || step "Install Schemathesis $SCHEMATHESIS_VERSION (once)" schemathesis install_schemathesis
step "Build the services" api-build build
trap end INT TERM EXIT
"$ROOT/e2e/scripts/deps.sh" up api
# shellcheck disable=SC2046  # KEY=value words
export $("$ROOT/e2e/scripts/deps.sh" env api)
make_keys
step "Migrations" api-migrate migrate
for service in "${services[@]}"; do start "$service"; done
for service in "${services[@]}"; do wait_for "$service to be ready" 60 ready "$service"; done
token=$(administrator)
failed=()
for service in "${wanted[@]}"; do
  (step "The API of $service, $examples examples an operation" "api-$service" ask "$service") || failed+=("$service")
  grep -E '^(Test cases:|  [0-9]+ generated|API Operations:|  Tested:)' "$LOGS/api-$service.log" | tail -n 4 || true
done
[ ${#failed[@]} = 0 ] || die "What answers otherwise than its document says: ${failed[*]}. See $LOGS/api-<service>.log"
