#!/usr/bin/env bash
# Plays runbooks on the demo stack while `make observe` watches it: does what brings the alert, looks as the runbook says, mends
# it, sees that it is over, and keeps what was seen in docs/runbooks/played.
#   play.sh kafka-away dead-letter service-gone stack-stalled stack-not-ready operator-gone backup-fails connections-used-up
#   play.sh redis-full password-hashing-overloaded budget-burns-slowly volume-full
#   PLAY_SOONER=2m play.sh certificate-ends      without it two hours and a half
. "$(dirname "$0")/../scripts/lib.sh"
cd "$ROOT"
prometheus=http://127.0.0.1:9091
out=$ROOT/docs/runbooks/played
began=0
mkdir -p "$out"
kube() { kubectl --context kind-tracklore "$@"; }
# Where it is played: the namespace of the demo, or of another stack.
there=demo
stack() { kubectl-tracklore --context kind-tracklore -n "$there" "$@"; }

# --- how it is told ---
# play NAME "title" RUNBOOK…  Begins a transcript.
play() {
  local name=$1 title=$2 runbook
  shift 2
  exec > >(tee "$out/$name.md" | sed 's/^/    /' >&2)
  # shellcheck disable=SC2016 # backticks of Markdown
  printf '# %s\n\nPlayed on the stack of `make up` on %s (%s), with Prometheus beside it (`make observe`). Runbooks:' \
    "$title" "$(date -u +%F)" "$(git describe --always --dirty)"
  for runbook in "$@"; do printf ' [%s](../%s.md)' "$runbook" "$runbook"; done
  printf '.\n'
  began=$SECONDS
}
at() { printf '\n**%d:%02d** %s\n' $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)) "$*"; }
# show command…  What is typed, and the beginning of what is answered.
show() {
  local typed=$*
  case $1 in
    stack) typed="kubectl tracklore -n $there ${typed#stack }" ;;
    kube) typed="kubectl ${typed#kube }" ;;
    query) typed="kubectl -n demo exec demo-postgres-0 -- psql -U postgres -d tracklore_$2 -c \"$3\"" ;;
    last_line) typed="kubectl -n demo logs -l app.kubernetes.io/component=$2 --tail -1 | grep \"$3\" | tail -n 1" ;;
    node) typed="docker exec tracklore-control-plane ${typed#node }" ;;
    alerts) typed="curl -s $prometheus/api/v1/alerts" ;;
    ask) typed="promtool query instant $prometheus '${typed#ask }'" ;;
  esac
  printf '\n```\n$ %s\n' "$typed"
  "$@" 2>&1 | head -n 40 || true
  printf '```\n'
}
# last_line COMPONENT TEXT  The newest line of its log that has it.
last_line() { kube -n demo logs -l "app.kubernetes.io/component=$1" --tail -1 | grep "$2" | tail -n 1 | cut -c1-400; }
# show_script 'lines'  The same, of what the shell understands.
show_script() {
  printf '\n```\n'
  sed '1s/^/$ /' <<<"$1"
  (
    # shellcheck disable=SC2317 # called by name
    kubectl() { command kubectl --context kind-tracklore "$@"; }
    eval "$1"
  ) 2>&1 | head -n 40 || true
  printf '```\n'
}
# People use the stack until the play is over.
people() {
  python3 e2e/observe/load.py 7200 >/dev/null &
  # shellcheck disable=SC2064 # this very process
  trap "kill $! 2>/dev/null || true" EXIT
}
# forward SERVICE PORTS  A port of this machine that leads to one, until the process is ended.
forward() {
  kubectl --context kind-tracklore -n "$there" port-forward "$@" >/dev/null 2>&1 &
  forwarder=$!
  sleep 3
}
# What a condition of the demo says.
show_condition() { show kube -n demo get tstack demo -o "jsonpath={.status.conditions[?(@.type==\"$1\")].message}{\"\\n\"}"; }
ask() { curl -sf --get --data-urlencode "query=$1" "$prometheus/api/v1/query" | jq -r '.data.result[] | "\(.metric | del(.__name__, .instance, .job) | to_entries | map("\(.key)=\(.value)") | join(" "))  \(.value[1])"'; }
# alert NAME[:WORD]  What it says while it fires; with a word, only where it says that.
alert() {
  curl -sf "$prometheus/api/v1/alerts" | jq -r --arg name "${1%%:*}" --arg word "${1#"${1%%:*}"}" \
    '.data.alerts[] | select(.labels.alertname == $name and .state == "firing") | .annotations.summary | select(contains($word | ltrimstr(":")))'
}
# Rules are looked at each quarter of a minute: asking more often only keeps the machine busy.
fires() { sleep 3; [ -n "$(alert "$1")" ]; }
silent() { sleep 3; [ -z "$(alert "$1")" ]; }
# until_fires ALERT [SECONDS]
until_fires() {
  wait_for "$1" "${2:-900}" fires "$1"
  at "\`${1%%:*}\` fires: $(alert "$1" | head -n 1)"
}
until_silent() {
  wait_for "the end of $1" "${2:-900}" silent "$1"
  at "\`${1%%:*}\` is silent again."
}

# What Prometheus says of an alert, also before it fires.
alerts() { curl -sf "$prometheus/api/v1/alerts" | jq -r --arg name "$1" '.data.alerts[] | select(.labels.alertname == $name) | "\(.state) since \(.activeAt[:19])Z: \(.annotations.summary)"'; }
reload() { curl -sf -X POST "$prometheus/-/reload"; }
# until_called ALERT  As until_fires, of an alert that waits for hours. With PLAY_SOONER=2m a copy of its rule waits for only so long,
# and the transcript says so.
until_called() {
  local rules=$CACHE/observe/prometheus.yaml copy=$CACHE/observe/sooner-$1.yaml wait
  if [ -z "${PLAY_SOONER:-}" ]; then
    until_fires "$1" 10800
    return
  fi
  wait=$(curl -sf "$prometheus/api/v1/rules" | jq -r --arg name "$1" '[.data.groups[].rules[] | select(.name == $name)][0].duration / 60')
  curl -sf "$prometheus/api/v1/rules" | jq --arg name "$1" --arg for "$PLAY_SOONER" '[.data.groups[].rules[] | select(.name == $name)][0]
    | {groups: [{name: "sooner-\($name)", rules: [{alert: .name, expr: .query, for: $for, labels, annotations}]}]}' >"$copy"
  grep -q sooner "$rules" || sed -i "s|^rule_files: \[\(.*\)\]|rule_files: [\1, \"$CACHE/observe/sooner-*.yaml\"]|" "$rules"
  reload
  wait_for "$1 is pending" 900 alert_known "$1"
  at "\`$1\` is pending, and would fire after $wait minutes. So that this play ends sooner, a copy of the rule fires after $PLAY_SOONER."
  until_fires "$1"
  show alerts "$1"
}
alert_known() { sleep 3; [ -n "$(alerts "$1")" ]; }
calm() {
  rm -f "$CACHE/observe/sooner-$1.yaml"
  reload
}
# another NAMESPACE PATCH  A second stack like the demo, which asks for little, until the play is over.
another() {
  there=$1
  # shellcheck disable=SC2064 # this very one
  trap "no_more $1" EXIT
  kube create namespace "$1" --dry-run=client -o yaml | kube apply -f - >&2
  kube label --overwrite namespace "$1" pod-security.kubernetes.io/enforce=restricted >&2
}
another_stack() {
  kube -n demo get tstack demo -o json | jq --arg there "$there" --argjson patch "$1" '
    {requests: {cpu: "10m", memory: "64Mi"}} as $little
    | {apiVersion, kind, metadata: {name: "play", namespace: $there}, spec: (.spec | del(.gateway, .services[].resources)
      | .services |= map_values(. + {resources: $little}) | .postgres.managed.resources = $little | .redis.managed.resources = $little
      | .kafka.managed.resources = $little | . * $patch)}' | kube apply -f - >&2
  kube -n "$there" wait tstack/play --for condition=Ready --timeout 15m >&2
}
no_more() {
  local each
  for each in $(jobs -p); do kill "$each" 2>/dev/null || true; done
  rm -f "$CACHE"/observe/sooner-*.yaml
  reload || true
  kube -n "$1" delete tstack --all --timeout 3m >&2 || true
  kube delete namespace "$1" --timeout 3m >&2 || true
}

# --- what is played ---
kafka_away() {
  play kafka-away "Kafka is away" outbox-old consumer-behind
  at "The operator is told to leave the stack alone, Kafka is taken away, and people go on using the stack."
  show stack pause
  show kube -n demo scale statefulset demo-kafka --replicas 0
  people
  until_fires TrackloreOutboxOld
  show stack status
  show ask 'max by (component) (tracklore_outbox_depth{namespace="demo"})'
  until_fires TrackloreConsumerDisconnected
  at "The runbook: the condition, the pods, the log of posts."
  show_condition KafkaReady
  show kube -n demo get pods -l app.kubernetes.io/component=kafka
  show last_line posts "events wait in the outbox"
  at "What to do: Kafka has no pod. The operator may work again, and brings it back."
  show stack resume
  until_silent TrackloreConsumerDisconnected
  until_silent TrackloreOutboxOld
  at "It is over: nothing waits, and all are connected."
  show ask 'max by (component) (tracklore_outbox_oldest_age_seconds{namespace="demo"})'
  show ask 'min by (component) (tracklore_consumer_connected{namespace="demo"})'
  show stack status
}

dead_letter() {
  play dead-letter "An event that nobody understands" dead-letters
  at "Somebody writes nonsense into \`posts-events\`, with the rights of posts."
  local password
  password=$(kube -n demo get secret demo-kafka-posts -o 'jsonpath={.data.password}' | base64 -d)
  printf 'nonsense:{not an event' | kube -n demo exec -i demo-kafka-0 -- java -cp '/opt/kafka/libs/*' org.apache.kafka.tools.ConsoleProducer \
    --bootstrap-server 127.0.0.1:9092 --topic posts-events --reader-property parse.key=true --reader-property key.separator=: \
    --command-property security.protocol=SASL_SSL --command-property ssl.truststore.type=PEM \
    --command-property ssl.truststore.location=/var/run/tracklore/stack-ca/ca.crt --command-property sasl.mechanism=SCRAM-SHA-512 --command-property \
    "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=posts password=$password;" >&2
  until_fires TrackloreDeadLetters
  show stack status
  show stack dlq feed list
  local letter
  letter=$(stack dlq feed list | cut -f1 | head -n 1)
  show stack dlq feed show "$letter"
  at "Applying it again changes nothing, so it is dropped: nobody should have written it."
  show stack dlq feed redrive "$letter"
  show stack dlq feed discard "$letter"
  until_silent TrackloreDeadLetters
  show ask 'max by (component, messaging_destination_name) (tracklore_dead_letters{namespace="demo"})'
}

service_gone() {
  play service-gone "No pod of a service" service-gone circuit-open
  at "Somebody saves a pod where nobody looks: user is asked for no replicas."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"user":{"replicas":0}}}}'
  people
  until_fires TrackloreFeedStale
  until_fires TrackloreCircuitOpen
  until_fires TrackloreServiceGone
  at "The runbook: its pods, and what is asked for."
  show kube -n demo get pods -l app.kubernetes.io/component=user
  show kube -n demo get tstack demo -o 'jsonpath={.spec.services.user.replicas}{"\n"}'
  at "The feed waits for the names of authors, which user knows:"
  show last_line feed "event will be retried"
  show ask 'max by (component, server_address) (tracklore_service_client_circuit_state{namespace="demo"})'
  at "What to do: ask for it again."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"user":{"replicas":1}}}}'
  show stack status --watch
  until_silent TrackloreServiceGone
  until_silent TrackloreCircuitOpen
  until_silent TrackloreFeedStale
  show ask 'tracklore_build_info{namespace="demo",component="user"}'
  show ask 'max(tracklore_feed_staleness_seconds{namespace="demo"})'
}

stack_stalled() {
  play stack-stalled "A stack that can't be" stack-stalled
  at "The demo asks for a version that the operator doesn't know."
  local version
  version=$(kube -n demo get tstack demo -o 'jsonpath={.spec.version}')
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"version":"9.9.9"}}'
  until_fires TrackloreStackStalled
  show stack status
  show_condition Stalled
  at "What ran goes on:"
  show curl -s -o /dev/null -w '%{http_code}\n' http://localhost:8080/v1/feed/global
  show kube -n demo patch tstack demo --type merge -p "{\"spec\":{\"version\":\"$version\"}}"
  until_silent TrackloreStackStalled
}

stack_not_ready() {
  play stack-not-ready "A stack that isn't Ready" stack-not-ready
  at "Somebody gives Redis more of the processor, and forgets the m of 400m."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"redis":{"managed":{"resources":{"requests":{"cpu":"400"}}}}}}'
  until_fires TrackloreStackNotReady
  at "The runbook: what is waited for, and the pods."
  show kube -n demo get tstack demo -o wide
  show kube -n demo get pods
  show stack doctor
  at "What to do: ask for what a node has."
  show kube -n demo patch tstack demo --type json -p '[{"op":"remove","path":"/spec/redis/managed/resources"}]'
  show stack status --watch
  until_silent TrackloreStackNotReady
  show kube -n demo get tstack
}

# Beside stack-not-ready, which takes Redis away and gives it back.
feed_stale() {
  play feed-stale "A feed that stands still" feed-stale consumer-behind
  at "Redis can't run, as in [a stack that isn't Ready](stack-not-ready.md), and people go on using the stack."
  people
  until_fires TrackloreFeedStale
  show ask 'max by (component, messaging_destination_name) (tracklore_outbox_oldest_age_seconds{namespace="demo",component="posts"})'
  at "The runbook: events are published, so it isn't the outbox. Redis?"
  show_condition RedisReady
  show last_line feed "event will be retried"
  show curl -s -o /dev/null -w '%{http_code}\n' http://localhost:8080/v1/feed/global
  until_fires TrackloreConsumerBehind
  show ask 'max by (component, messaging_destination_name) (tracklore_consumer_lag_seconds{namespace="demo"}) > 60'
  at "What to do: give Redis its place. Then all goes on by itself."
  until_silent TrackloreFeedStale
  until_silent TrackloreConsumerBehind
  show_condition RedisReady
  show ask 'max(tracklore_feed_staleness_seconds{namespace="demo"})'
  show ask 'max(tracklore_feed_catching_up{namespace="demo"})'
}

operator_gone() {
  play operator-gone "No operator works" operator-no-leader
  at "The operator is scaled to nothing."
  show kube -n tracklore-system scale deployment tracklore-operator --replicas 0
  until_fires TrackloreOperatorNoLeader
  at "The runbook: its pods, and who holds the Lease."
  show kube -n tracklore-system get pods
  show kube -n tracklore-system get lease tracklore-operator -o 'jsonpath={.spec.holderIdentity}{"\n"}'
  at "Stacks run on:"
  show curl -s -o /dev/null -w '%{http_code}\n' http://localhost:8080/v1/feed/global
  show kube -n tracklore-system scale deployment tracklore-operator --replicas 1
  until_silent TrackloreOperatorNoLeader
  show ask 'sum(tracklore_operator_leader)'
}

operator_passes_fail() {
  play operator-passes-fail "An operator that may not do its work" operator-passes-fail
  local role=tracklore-system:tracklore-operator before
  before=$(kube get clusterrole "$role" -o json | jq 'del(.metadata.resourceVersion)')
  # in Helm's name, which would find it changed by somebody else at the next upgrade
  give_role() { kube apply --server-side --force-conflicts --field-manager helm -f - >&2; }
  at "Somebody tidies up roles, and takes the status of stacks from the operator. Then a stack changes."
  jq '.rules |= map(select(.resources | index("tracklorestacks/status") | not))' <<<"$before" | give_role
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"user":{"replicas":2}}}}'
  until_fires TrackloreOperatorPassesFail 1800
  at "The runbook: the stack and the reason."
  show stack status
  printf '\n```\n$ kubectl -n tracklore-system logs deploy/tracklore-operator | grep "a pass failed" | tail -n 1\n'
  kube -n tracklore-system logs deploy/tracklore-operator | grep 'a pass failed' | tail -n 1
  printf '```\n'
  at "What to do: it is forbidden, so the role is given back as the chart has it. A change of the stack saves the wait for the next try."
  give_role <<<"$before"
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"user":{"replicas":1}}}}'
  until_silent TrackloreOperatorPassesFail
  show ask 'max(tracklore_operator_stacks_backing_off)'
}

backup_fails() {
  play backup-fails "Copies that can't be kept" backup-failed
  at "A copy is due each minute, and goes to a server that isn't there."
  kube -n demo create secret generic copies "--from-literal=key=$(openssl rand -base64 32)" --from-literal=access-key-id=a --from-literal=secret-access-key=b >&2
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"backup":{"schedule":"* * * * *","keySecretRef":{"name":"copies"},
    "target":{"s3":{"endpoint":"https://copies.invalid","bucket":"copies","secretRef":{"name":"copies"}}}}}}'
  until_fires TrackloreBackupFailed
  show_condition BackupReady
  show kube -n demo logs -l app.kubernetes.io/instance=demo,app.kubernetes.io/name=backup --all-containers --tail 3
  at "What to do: the name of the server isn't found, so copies go to a claim until there is one."
  kube -n demo create -f - >&2 <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: copies}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
YAML
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"backup":{"schedule":"0 3 * * *","target":{"s3":null,"claim":{"name":"copies"}}}}}'
  show stack backup
  until_silent TrackloreBackupFailed
  show_condition BackupReady
  kube -n demo patch tstack demo --type merge -p '{"spec":{"backup":null}}' >&2
  kube -n demo delete secret/copies pvc/copies >&2
}

# In a database of the demo, as its superuser.
query() { kube -n demo exec demo-postgres-0 -- psql -U postgres -d "tracklore_$1" -c "$2"; }
connections_used_up() {
  play connections-used-up "Requests that find no connection" connections-used-up budget-burns
  at "Somebody locks the table of posts and goes for lunch."
  (query posts 'BEGIN; LOCK TABLE posts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1500)' >&2 || true) &
  people
  until_fires TrackloreBudgetBurnsFast:writes-available
  until_fires TrackloreConnectionsUsedUp
  show ask 'max by (component, db_client_connection_state) (db_client_connection_count{namespace="demo",component="posts"})'
  show ask 'sum by (http_route, http_response_status_code) (rate(http_server_request_duration_seconds_count{namespace="demo",component="posts",http_response_status_code=~"5.."}[5m])) > 0'
  show query posts "SELECT pid, now() - query_start AS since, left(query, 60) AS query FROM pg_stat_activity WHERE state <> 'idle' AND backend_type = 'client backend' ORDER BY since DESC LIMIT 8"
  at "What to do: the oldest of them holds up all others, so it is ended."
  show query posts "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%' AND pid <> pg_backend_pid()"
  until_silent TrackloreConnectionsUsedUp
  show ask 'sum by (component) (rate(db_client_connection_timeouts_total{namespace="demo"}[5m]))'
  show ask 'tracklore_slo:burn:5m{namespace="demo"}'
  at "What went wrong counts until it is half an hour old."
  until_silent TrackloreBudgetBurnsFast:writes-available 2700
}

relay_missing() {
  play relay-missing "A service whose events nobody publishes" relay-missing
  at "Somebody works by hand on the outbox of user, takes the lock of the relays, and is called away."
  (query user 'BEGIN; SELECT pg_advisory_xact_lock(122550254464888); SELECT pg_sleep(1500)' >&2 || true) &
  people
  until_fires TrackloreRelayMissing
  show ask 'max by (component) (tracklore_outbox_relay_active{namespace="demo"})'
  at "The runbook: Postgres, and who holds the lock."
  show_condition PostgresReady
  show query user "SELECT pid, state, xact_start, left(query, 60) AS query FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND datname = current_database()"
  at "What to do: it is older than a minute, so it is ended."
  show query user "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND datname = current_database() AND xact_start < now() - interval '1 minute'"
  until_silent TrackloreRelayMissing
  show ask 'max by (component) (tracklore_outbox_relay_active{namespace="demo"})'
  show ask 'max by (component) (tracklore_outbox_depth{namespace="demo"})'
}

# Takes most of an hour: the alert waits for half of one, as nobody must get up for a trace.
traces_dropped() {
  play traces-dropped "Spans that nobody takes" traces-dropped
  local gateway
  gateway=$(docker network inspect kind | jq -r '.[0].IPAM.Config[].Gateway | select(. != null and (contains(":") | not))' | head -n 1)
  at "The demo is told to send all spans to a collector that doesn't run."
  show kube -n demo patch tstack demo --type merge -p "{\"spec\":{\"observability\":{\"tracing\":{\"endpoint\":\"http://$gateway:4318\",\"samplingRatio\":\"1\"}}}}"
  people
  until_fires TrackloreTracesDropped 3600
  show ask 'sum by (component, reason) (increase(tracklore_trace_spans_dropped_total{namespace="demo"}[10m]))'
  show kube -n demo get tstack demo -o 'jsonpath={.spec.observability.tracing.endpoint}{"\n"}'
  show last_line posts "traces aren't taken"
  at "What to do: nothing answers at the endpoint, and nobody needs traces until something does: they are switched off."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"observability":{"tracing":null}}}'
  until_silent TrackloreTracesDropped 1800
  show ask 'sum by (component, reason) (rate(tracklore_trace_spans_dropped_total{namespace="demo"}[10m]))'
}

# certificate DAYS  A certificate of the gateway's that somebody makes by hand, into the Secret.
certificate() {
  local made
  made=$(mktemp -d)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -days "$1" -keyout "$made/tls.key" -out "$made/tls.crt" 2>/dev/null
  kube create secret tls community-tls --cert "$made/tls.crt" --key "$made/tls.key" --dry-run=client -o yaml | kube -n "$there" apply -f - >&2
  rm -rf "$made"
}
# What the gateway shows who connects.
shown() {
  forward service/play-gateway 8443:443
  # shellcheck disable=SC2016
  show_script 'openssl s_client -connect localhost:8443 </dev/null 2>/dev/null | openssl x509 -noout -enddate'
  kill "$forwarder" || true
}
one_gateway() { [ "$(kube -n "$there" get pods -l app.kubernetes.io/component=gateway -o name | wc -l)" = 1 ]; }
# With the rule as it is two hours and a half: the alert waits for two of them.
certificate_ends() {
  play certificate-ends "A certificate that ends" certificate-ends
  at "A stack of its own. Somebody has made its gateway's certificate by hand, to try something, for a day."
  another play-certificate
  certificate 1
  another_stack '{"publicUrl": "https://localhost:8443", "gateway": {"traefik": {"resources": {"requests": {"cpu": "10m"}}, "service": {"type": "ClusterIP"}, "tls": {"secretRef": {"name": "community-tls"}}}}}'
  at "It is Ready."
  shown
  until_called TrackloreCertificateEnds
  at "The runbook: which one it is."
  # shellcheck disable=SC2016 # as it is typed
  show_script 'for secret in $(kubectl -n play-certificate get secret -o name | grep -E '"'/play-.*-tls\$|/play-internal-ca\$|/community-tls\$'"'); do
  echo "$secret $(kubectl -n play-certificate get "$secret" -o go-template='"'{{or (index .data \"tls.crt\") (index .data \"ca.crt\") | base64decode}}'"' | openssl x509 -noout -enddate)"
done'
  at "What to do: it is the gateway's, so a new one is put into its Secret, and the stack is paused and resumed."
  certificate 90
  show stack pause
  show stack resume
  until_silent TrackloreCertificateEnds
  wait_for "the old gateway's end" 600 one_gateway
  at "It is over: the gateway shows the new one."
  shown
  show ask '(min by (stack_namespace, stack_name) (tracklore_stack_certificate_expiry_timestamp_seconds{stack_namespace="play-certificate"}) - time()) / 86400'
  calm TrackloreCertificateEnds
}

# posts URL SECONDS PAUSE &  Four programs post what is large, with a pause after each.
posts() {
  exec python3 - "$@" <<'PYTHON'
import base64, json, os, random, sys, threading, time, urllib.error, urllib.request

URL, END, PAUSE, answers = sys.argv[1], time.monotonic() + float(sys.argv[2]), float(sys.argv[3]), {}


def call(path, body, token=""):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, told = answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        status, told = refusal.code, {}
    except OSError:
        status, told = 0, {}
    answers[status] = answers.get(status, 0) + 1
    if status not in (200, 201):
        time.sleep(1)
    return told


def program():
    name, token = f"program-{random.randrange(16**8):08x}", ""
    account = {"username": name, "email": f"{name}@example.org", "password": "a quiet lake at dawn"}
    while not token and time.monotonic() < END:
        token = call("/v1/auth/signup", account).get("access_token", "")
    renewed = time.monotonic()
    while time.monotonic() < END:
        if time.monotonic() - renewed > 240:
            told = call("/v1/auth/login", {"login": name, "password": account["password"]})
            token, renewed = told.get("access_token", token), time.monotonic()
        time.sleep(PAUSE)
        call("/v1/posts", {"text": "a picture", "attributes": {"picture": base64.b64encode(os.urandom(12000)).decode()}}, token)


programs = [threading.Thread(target=program) for _ in range(4)]
for one in programs:
    one.start()
for one in programs:
    one.join()
print("posts answered by status:", dict(sorted(answers.items())))
PYTHON
}
# Claims of this cluster are folders, of which the kubelet tells nothing. So one gets a small file system of its own on the node, in memory, and
# its class lets claims grow; that it really becomes larger is the storage's part, which is done here by hand, as a driver would.
node() { docker exec tracklore-control-plane "$@"; }
roomy() { sleep 5; [ -n "$(ask 'kubelet_volume_stats_available_bytes{namespace="play-volume"} / kubelet_volume_stats_capacity_bytes > 0.1')" ]; }
nearly_full() { [ "$(node df --output=pcent "$1" | tail -n 1 | tr -dc 0-9)" -ge 92 ]; }
all_published() {
  sleep 4
  [ "$(kube -n "$there" exec play-postgres-0 -- psql -At -U postgres -d tracklore_posts -c 'SELECT count(*) FROM outbox WHERE published_at IS NULL')" = 0 ]
}
volume_full() {
  play volume-full "A volume that fills up" volume-full
  local folder=/var/play-volume-full rules=$CACHE/observe/prometheus.yaml
  at "A stack of its own, whose Kafka has a small volume. Prometheus asks the kubelet, too."
  another play-volume
  # shellcheck disable=SC2064 # this very folder
  trap "no_more play-volume; kube delete pv/play-volume-full sc/play-volume-full >&2 || true; node umount $folder || true; node rm -rf $folder" EXIT
  node sh -c "mountpoint -q $folder || { mkdir -p $folder && mount -t tmpfs -o size=192m,mode=777 play $folder; }"
  kube apply -f - >&2 <<YAML
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: play-volume-full}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: play-volume-full}
spec:
  capacity: {storage: 192Mi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: play-volume-full
  local: {path: $folder}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [tracklore-control-plane]}]}]}}
YAML
  grep -q kubelet "$rules" || cat >>"$rules" <<'YAML'
  - job_name: kubelet
    metrics_path: /api/v1/nodes/tracklore-control-plane/proxy/metrics
    metric_relabel_configs: [{source_labels: [__name__], regex: "kubelet_volume_stats_.*", action: keep}]
    static_configs: [{targets: ["127.0.0.1:9092"]}]
YAML
  reload
  another_stack '{"gateway": {"traefik": {"resources": {"requests": {"cpu": "10m"}}, "service": {"type": "ClusterIP"}}}, "kafka": {"managed": {"storage": {"className": "play-volume-full", "size": "192Mi"}}}}'
  forward service/play-gateway 8091:80
  at "It is Ready. Some programs post large things."
  show kube -n play-volume get pvc
  (posts http://localhost:8091 "${PLAY_POSTS_SECONDS:-90}" 0 >&2)
  at "Somebody has left a dump of Kafka's memory on its volume. Somebody else misses a post in the feed, has all events sent again, and since it doesn't help, again and again."
  show node dd if=/dev/urandom "of=$folder/heap.hprof" bs=1M count=80 status=none
  show kube -n play-volume exec deploy/play-posts -- tracklore-posts republish --since "$(date -u -d '-2 hours' +%FT%TZ)"
  while ! nearly_full "$folder"; do
    if all_published; then kube -n play-volume exec deploy/play-posts -- tracklore-posts republish --since "$(date -u -d '-2 hours' +%FT%TZ)" >&2 || true; fi
  done
  at "The volume is nearly full:"
  show node df -h "$folder"
  until_fires TrackloreVolumeAlmostFull
  at "The other alert waits for an hour:"
  show alerts TrackloreVolumeWillBeFull
  show ask 'kubelet_volume_stats_available_bytes{namespace="play-volume"} / kubelet_volume_stats_capacity_bytes'
  at "The runbook: what takes the room."
  # shellcheck disable=SC2016 # as it is typed
  show_script 'kubectl -n play-volume exec play-kafka-0 -- sh -c '"'"'
  while IFS= read -r line; do case $line in listener.name.internal.plain.sasl.jaas.config=*)
    printf "%s\n" security.protocol=SASL_SSL sasl.mechanism=PLAIN ssl.truststore.type=PEM "ssl.truststore.location=$AUTHORITY" "sasl.jaas.config=${line#*=}" ;;
  esac; done </run/kafka/server.properties >/run/kafka/tool.properties
  java -Xmx64m -cp "/opt/kafka/libs/*" org.apache.kafka.tools.LogDirsCommand --describe --bootstrap-server 127.0.0.1:9094 --command-config /run/kafka/tool.properties'"'"' |
  grep "^{" | jq -r ".brokers[].logDirs[].partitions[] | \"\(.size / 1048576 | floor) MiB \(.partition)\"" | sort -rn | head -n 5'
  at "What to do: its class lets it grow. (What makes it larger is done by hand here, as a storage driver would.)"
  show kube -n play-volume patch tstack play --type merge -p '{"spec":{"kafka":{"managed":{"storage":{"size":"512Mi"}}}}}'
  wait_for "the claim to ask for more" 120 asks_for 512Mi
  show kube -n play-volume get pvc data-play-kafka-0 -o 'custom-columns=ASKED:.spec.resources.requests.storage,IS:.status.capacity.storage'
  node mount -o remount,size=512m "$folder"
  kube patch pv play-volume-full --type merge -p '{"spec":{"capacity":{"storage":"512Mi"}}}' >&2
  kube -n play-volume patch pvc data-play-kafka-0 --subresource status --type merge -p '{"status":{"capacity":{"storage":"512Mi"}}}' >&2
  show kube -n play-volume get pvc
  show node df -h "$folder"
  # a metric that is missing makes it silent, too
  wait_for "room on the volume" 300 roomy
  until_silent TrackloreVolumeAlmostFull
  show ask 'kubelet_volume_stats_available_bytes{namespace="play-volume"} / kubelet_volume_stats_capacity_bytes'
  show kube -n play-volume get pods -l app.kubernetes.io/component=kafka
  at "And since all events of posts are applied, nobody needs them for a week."
  show ask 'sum(tracklore_consumer_lag_messages{namespace="play-volume"})'
  show kube -n play-volume patch tstack play --type merge -p '{"spec":{"kafka":{"topics":[{"name":"posts-events","retention":"5m"}]}}}'
  wait_for "Kafka to drop them" 1200 used_below "$folder" 150
  at "Kafka has dropped them."
  show node df -h "$folder"
  show stack status
}
used_below() { sleep 5; [ "$(node df --output=used -B1M "$1" | tail -n 1 | tr -dc 0-9)" -lt "$2" ]; }
asks_for() { [ "$(kube -n "$there" get pvc data-play-kafka-0 -o 'jsonpath={.spec.resources.requests.storage}')" = "$1" ]; }

# demo_without FIELD  What a play has set goes, also when it fails midway.
demo_without() { kube -n demo patch tstack demo --type json -p "[{\"op\":\"remove\",\"path\":\"/spec/$1\"}]" >&2 || true; }

# Redis refuses writes beyond its memory: the feed stands still, and one that starts anew meanwhile can't catch up. Half an hour.
redis_full() {
  play redis-full "Redis without room" consumer-behind feed-stale
  at "Somebody saves memory: Redis may take 64 MiB. Then programs post large things."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"redis":{"managed":{"maxMemory":"64Mi"}}}}'
  sleep 5
  kube -n demo rollout status statefulset/demo-redis --timeout 4m >&2
  posts http://localhost:8080 1800 0.2 >&2 &
  # shellcheck disable=SC2064 # this very process
  trap "kill $! 2>/dev/null || true; demo_without redis/managed/maxMemory" EXIT
  until_fires TrackloreFeedStale 1800
  kill "$!" || true
  at "The runbook: events are published, so it isn't the outbox. What does the feed wait for?"
  show ask 'max by (component) (tracklore_outbox_oldest_age_seconds{namespace="demo",component="posts"})'
  show_condition RedisReady
  show last_line feed "event will be retried"
  show ask 'sum by (outcome) (rate(db_client_operation_duration_seconds_count{namespace="demo",component="feed",outcome="failed"}[2m])) > 0'
  until_fires TrackloreConsumerBehind
  show ask 'min by (component) (tracklore_consumer_connected{namespace="demo"})'
  show ask 'sum by (component) (rate(tracklore_consumer_retries_total{namespace="demo"}[5m])) > 0'
  show ask 'max by (component, messaging_destination_name) (tracklore_consumer_lag_seconds{namespace="demo"}) > 60'
  show stack status
  at "Somebody starts the feed anew, in the hope that it helps."
  show kube -n demo delete pod -l app.kubernetes.io/component=feed
  until_silent TrackloreFeedStale
  at "Nothing is better: the new pod waits for Redis, and can't tell how stale the feed is."
  show last_line feed "waiting for Redis"
  show ask 'max(tracklore_feed_staleness_seconds{namespace="demo"})'
  until_fires TrackloreFeedCatchingUp 1800
  show curl -s -o /dev/null -w '%{http_code} %header{x-feed-state}\n' http://localhost:8080/v1/feed/global
  at "The runbook: is Redis out of memory?"
  # shellcheck disable=SC2016 # as it is typed
  show_script 'kubectl -n demo exec demo-redis-0 -- valkey-cli -s /run/valkey/valkey.sock --user admin --no-auth-warning info memory | grep -E "^(used_memory|maxmemory)_human"'
  at "What to do: it is, so it gets more."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"redis":{"managed":{"maxMemory":"512Mi"}}}}'
  until_silent TrackloreFeedCatchingUp
  show ask 'max by (component) (tracklore_consumer_lag_seconds{namespace="demo"})'
  show ask 'max(tracklore_feed_staleness_seconds{namespace="demo"})'
  show ask 'max(tracklore_feed_catching_up{namespace="demo"})'
}

# crowd URL SECONDS &  Forty people come at once: each signs up, and logs in again and again from two devices. Tells what was answered.
crowd() {
  exec python3 - "$@" <<'PYTHON'
import json, random, sys, threading, time, urllib.error, urllib.request

URL, END, answers = sys.argv[1], time.monotonic() + float(sys.argv[2]), {}


def call(path, body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, after = answer.status, 0
    except urllib.error.HTTPError as refusal:
        status, after = refusal.code, int(refusal.headers.get("retry-after") or 1)
    except OSError:
        status, after = 0, 1
    answers[path, status] = answers.get((path, status), 0) + 1
    return status, after


def device(name):
    while time.monotonic() < END:
        status, after = call("/v1/auth/login", {"login": name, "password": "a quiet lake at dawn"})
        time.sleep(after if status != 200 else 3 + 2 * random.random())


def person():
    name = f"crowd-{random.randrange(16**8):08x}"
    while time.monotonic() < END:
        status, after = call("/v1/auth/signup", {"username": name, "email": f"{name}@example.org", "password": "a quiet lake at dawn"})
        if status == 201:
            break
        time.sleep(after)
    second = threading.Thread(target=device, args=(name,))
    second.start()
    device(name)
    second.join()


people = [threading.Thread(target=person) for _ in range(40)]
for one in people:
    one.start()
for one in people:
    one.join()
print("; ".join(f"{path} {status}: {number}" for (path, status), number in sorted(answers.items())))
PYTHON
}
password_hashing_overloaded() {
  play password-hashing-overloaded "More passwords than auth can hash" password-hashing-overloaded budget-burns
  at "Somebody saves, and gives auth a quarter of a processor. Then forty people come at once, each with two devices, all from one network."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"auth":{"resources":{"limits":{"cpu":"250m"}}}}}}'
  sleep 5
  kube -n demo rollout status deployment/demo-auth --timeout 4m >&2
  show last_line auth "hashing passwords"
  local flood told
  told=$(mktemp)
  forward service/demo-gateway 8090:80
  crowd http://localhost:8080 "${PLAY_CROWD_SECONDS:-1200}" >"$told" &
  flood=$!
  # shellcheck disable=SC2064 # these very processes
  trap "kill $forwarder $flood 2>/dev/null || true; rm -f $told; demo_without services/auth/resources/limits/cpu" EXIT
  until_fires TracklorePasswordHashingOverloaded
  until_fires TrackloreBudgetBurnsFast:log-in-fast
  at "The runbook: is it an attack? What is answered, and who was throttled."
  show ask 'sum by (http_route, http_response_status_code) (rate(http_server_request_duration_seconds_count{namespace="demo",http_route=~"/v1/auth/(login|signup)"}[5m]))'
  show ask 'sum by (action) (rate(tracklore_auth_throttled_total{namespace="demo"}[5m]))'
  show ask 'tracklore_auth_password_hashes_waiting{namespace="demo"}'
  show ask 'histogram_quantile(0.9, sum by (le) (rate(tracklore_auth_password_hash_wait_seconds_bucket{namespace="demo"}[5m])))'
  at "Somebody comes from another network, and is served, later:"
  show curl -s -o /dev/null -w '%{http_code} after %{time_total} s\n' -H 'content-type: application/json' \
    -d "{\"username\":\"other-$RANDOM$RANDOM\",\"email\":\"other-$RANDOM$RANDOM@example.org\",\"password\":\"a quiet lake at dawn\"}" http://localhost:8090/v1/auth/signup
  at "What to do: hardly a 401, so these are people. Auth gets more of the processor."
  show kube -n demo patch tstack demo --type merge -p '{"spec":{"services":{"auth":{"resources":{"limits":{"cpu":null}}}}}}'
  until_silent TracklorePasswordHashingOverloaded
  show ask 'sum(rate(tracklore_auth_password_hashes_refused_total{namespace="demo"}[5m]))'
  show ask 'histogram_quantile(0.9, sum by (le) (rate(tracklore_auth_password_hash_wait_seconds_bucket{namespace="demo"}[1m])))'
  kill "$flood"
  until_silent TrackloreBudgetBurnsFast:log-in-fast 2700
}

# After password-hashing-overloaded, within the hour that the alert waits.
budget_burns_slowly() {
  play budget-burns-slowly "An objective that a bad quarter of an hour has cost much" budget-burns password-hashing-overloaded
  at "Auth had [more passwords than it can hash](password-hashing-overloaded.md) for a while. That is over."
  show alerts TrackloreBudgetBurnsSlowly
  until_fires TrackloreBudgetBurnsSlowly:log-in-fast 5400
  show alerts TrackloreBudgetBurnsSlowly
  at "The runbook: does it still go on?"
  show ask 'tracklore_slo:burn:5m{namespace="demo"}'
  show ask 'tracklore_slo:burn:2h{namespace="demo"}'
  show ask 'tracklore_slo:burn:1d{namespace="demo"}'
  at "It doesn't, so there is nothing to do but to know why. The alert ends when six hours are clean, which this play doesn't wait for."
}

for name in "$@"; do ("${name//-/_}"); done
