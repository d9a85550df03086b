#!/usr/bin/env bash
# Prometheus and Jaeger beside the demo stack, and Grafana where its image can be pulled.
#   observe.sh           starts what doesn't run yet, sends the demo's traces there, prints the addresses
#   observe.sh metrics   Prometheus alone
#   observe.sh down      ends them, and the demo traces nothing any more
. "$(dirname "$0")/lib.sh"
here=$ROOT/e2e/observe
state=$CACHE/observe
prometheus=127.0.0.1:9091 proxy=127.0.0.1:9092 jaeger=127.0.0.1:16686 grafana=127.0.0.1:3000 otlp=4318
kube() { kubectl --context kind-tracklore "$@"; }
mkdir -p "$state"

runs() { [ -e "$state/$1.pid" ] && kill -0 "$(cat "$state/$1.pid")" 2>/dev/null; }
# background NAME command…  A process that outlives this script; its output goes to a log.
background() {
  local name=$1
  shift
  runs "$name" && return
  setsid "$@" >"$LOGS/observe-$name.log" 2>&1 </dev/null 9>&- &
  echo $! >"$state/$name.pid"
}
answers() { wait_for "$1" 60 curl -sf -m 2 -o /dev/null "$2" || die "$1 doesn't start: $LOGS/observe-$1.log says why."; }

down() {
  local name
  for name in prometheus targets proxy jaeger; do
    if runs "$name"; then kill "$(cat "$state/$name.pid")"; fi
    rm -f "$state/$name.pid"
  done
  docker rm -f tracklore-grafana >/dev/null 2>&1 || true
  kube -n demo patch tracklorestack demo --type merge -p '{"spec":{"observability":{"tracing":null}}}' >/dev/null 2>&1 || true
}
if [ "${1:-}" = down ]; then
  down
  say "Prometheus, Jaeger and Grafana are gone; the demo traces nothing."
  exit
fi

kube -n demo get tracklorestack demo >/dev/null 2>&1 || die "The demo stack doesn't run: start it with make up."
watch() {
  "$ROOT/e2e/scripts/prometheus.sh"
  sed -e "s|@ROOT@|$ROOT|; s|@TARGETS@|$state/targets.json|" "$here/prometheus.yaml" >"$state/prometheus.yaml"
  background proxy kubectl --context kind-tracklore proxy --address "${proxy%:*}" --port "${proxy#*:}"
  background targets python3 "$here/targets.py" "$proxy" "$state/targets.json"
  background prometheus prometheus --config.file "$state/prometheus.yaml" --storage.tsdb.path "$state/prometheus" \
    --storage.tsdb.retention.time 2d --web.listen-address "$prometheus" --web.enable-lifecycle
  answers prometheus "http://$prometheus/-/ready"
}
trace() {
  local gateway
  "$ROOT/e2e/airgap/programs.sh" jaeger
  # Pods reach this machine at the gateway of the cluster's network; nobody else is listened to.
  gateway=$(docker network inspect kind | jq -r '.[0].IPAM.Config[].Gateway | select(. != null and (contains(":") | not))' | head -n 1)
  [ -n "$gateway" ] || die "The network kind of Docker has no gateway: is the cluster of make up there?"
  background jaeger env JAEGER_QUERY_LISTEN="$jaeger" JAEGER_OTLP_LISTEN="$gateway:$otlp" "$CACHE/programs/jaeger" --config "$here/jaeger.yaml"
  answers jaeger "http://$jaeger/api/services"
  kube -n demo patch tracklorestack demo --type merge \
    -p "{\"spec\":{\"observability\":{\"tracing\":{\"endpoint\":\"http://$gateway:$otlp\",\"samplingRatio\":\"1\"}}}}" >/dev/null
  kube -n demo wait tracklorestack/demo --for condition=Progressing=False --timeout 3m >/dev/null ||
    warn "The demo hasn't rolled out yet: kubectl -n demo get tstack demo says why."
  say "The way of a post through the demo, as Jaeger shows it:"
  "$here/trace.py" "http://$jaeger" "${TRACKLORE_URL:-http://localhost:8080}" || exit 1
}
watch
if [ "${1:-}" = metrics ]; then
  say "Prometheus: http://$prometheus"
  exit
fi
trace

show_grafana() {
  mkdir -p "$state/grafana/datasources" "$state/grafana/dashboards"
  cat >"$state/grafana/datasources/prometheus.yaml" <<YAML
apiVersion: 1
datasources: [{name: Prometheus, type: prometheus, url: "http://$prometheus", isDefault: true}]
YAML
  cat >"$state/grafana/dashboards/tracklore.yaml" <<'YAML'
apiVersion: 1
providers: [{name: tracklore, options: {path: /dashboards}}]
YAML
  docker rm -f tracklore-grafana >/dev/null 2>&1 || true
  docker run -d --name tracklore-grafana --network host -e GF_SERVER_HTTP_ADDR="${grafana%:*}" -e GF_AUTH_ANONYMOUS_ENABLED=true \
    -v "$state/grafana:/etc/grafana/provisioning:ro" -v "$ROOT/charts/tracklore-operator/files/dashboards:/dashboards:ro" \
    docker.io/grafana/grafana:12.3.0
}
say ""
say "  Prometheus  http://$prometheus      alerts: http://$prometheus/alerts"
say "  Jaeger      http://$jaeger     traces: http://$jaeger/api/traces?service=tracklore-posts"
if registry_reachable && step "Grafana" observe-grafana show_grafana; then
  say "  Grafana     http://$grafana"
else
  say "  Grafana's image can't be pulled from here: charts/tracklore-operator/files/dashboards holds the dashboards."
fi
say "make observe-down ends them."
