#!/usr/bin/env bash
# Plays runbooks on the demo stack while `make observe` watches it: does what brings the alert, looks as the runbook says, mends
# it, sees that it is over, and keeps what was seen in docs/runbooks/played.
#   play.sh kafka-away dead-letter service-gone stack-stalled stack-not-ready operator-gone backup-fails connections-used-up
. "$(dirname "$0")/../scripts/lib.sh"
cd "$ROOT"
prometheus=http://127.0.0.1:9091
out=$ROOT/docs/runbooks/played
began=0
mkdir -p "$out"
kube() { kubectl --context kind-tracklore "$@"; }
stack() { kubectl-tracklore --context kind-tracklore -n demo "$@"; }

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
    stack) typed="kubectl tracklore -n demo ${typed#stack }" ;;
    kube) typed="kubectl ${typed#kube }" ;;
    query) typed="kubectl -n demo exec demo-postgres-0 -- psql -U postgres -d tracklore_$2 -c \"$3\"" ;;
    last_line) typed="kubectl -n demo logs -l app.kubernetes.io/component=$2 --tail -1 | grep \"$3\" | tail -n 1" ;;
    ask) typed="promtool query instant $prometheus '${typed#ask }'" ;;
  esac
  printf '\n```\n$ %s\n' "$typed"
  "$@" 2>&1 | head -n 40 || true
  printf '```\n'
}
# last_line COMPONENT TEXT  The newest line of its log that has it.
last_line() { kube -n demo logs -l "app.kubernetes.io/component=$1" --tail -1 | grep "$2" | tail -n 1 | cut -c1-400; }
# People use the stack until the play is over.
people() {
  python3 e2e/observe/load.py 7200 >/dev/null &
  # shellcheck disable=SC2064 # this very process
  trap "kill $! 2>/dev/null || true" EXIT
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

for name in "$@"; do ("${name//-/_}"); done
