#!/usr/bin/env bash
# The Helm chart without a cluster: lint, what it renders against the schemas of Kubernetes and of the Prometheus operator, values that it must refuse, and
# the examples against the CRD.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
chart=charts/tracklore-operator
kubernetes=$(sed -n 's/.*k8s\.io\/kubernetes \(v[0-9.]*\)$/\1/p' e2e/airgap/src/kube/go.mod | head -n 1)
# The CRDs of its kinds are in its Go module.
prometheus_operator=v0.85.0
schemas=$CACHE/schemas/$kubernetes-$prometheus_operator-$(content_key e2e/scripts/schemas.py crds)
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

module() { (cd "$(mktemp -d)" && go mod download -json "$1" | jq -er .Dir) || die "The Go module $1 can't be had: check GOPROXY."; }
make_schemas() {
  local openapi monitoring
  openapi=$(module "k8s.io/kubernetes@$kubernetes")/api/openapi-spec/swagger.json
  monitoring=$(module "github.com/prometheus-operator/prometheus-operator@$prometheus_operator")/example/prometheus-operator-crd
  rm -rf "$CACHE/schemas"
  mkdir -p "$CACHE/schemas"
  python3 e2e/scripts/schemas.py "$openapi" "$schemas.new" crds/*.yaml "$monitoring"/*_{podmonitors,prometheusrules}.yaml
  mv "$schemas.new" "$schemas"
}
conform() { kubeconform -strict -summary -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json" "$@"; }
template() { "${helm:-helm}" template tracklore-operator "$chart" --namespace tracklore-system --kube-version "$kubernetes" "$@"; }

# render_to FOLDER  The defaults, and each file of values in the chart's ci folder.
render_to() {
  local values
  template >"$1/defaults.yaml"
  for values in "$chart"/ci/*.yaml; do
    [ ! -e "$values" ] || template -f "$values" >"$1/$(basename "$values")"
  done
}
render() {
  render_to "$rendered"
  conform "$rendered"
}
# Many have Helm 3 yet.
render_by_helm_3() {
  local helm=$CACHE/programs/helm3 folder
  folder=$(mktemp -d)
  "$helm" lint --strict "$chart"
  render_to "$folder"
  # It leaves out empty lines that Helm 4 keeps.
  diff -rBZ "$rendered" "$folder"
  rm -r "$folder"
}

test_count=0 failures=0
# refuses "why" helm-options…  The schema of the values must say no, and name what it doesn't like.
refuses() {
  local why=$1 output
  shift
  test_count=$((test_count + 1))
  if output=$(template "$@" 2>&1); then
    failures=$((failures + 1))
    echo "FAILED: accepted $why: $*"
  elif ! grep -qiE "schema|additional propert|must be|does not match|got|want" <<<"$output"; then
    failures=$((failures + 1))
    echo "FAILED: $why was refused, and not by the schema: $output"
  else
    echo "ok: refuses $why"
  fi
}
negative() {
  refuses "an unknown value" --set nonsense=1
  refuses "an unknown value of the image" --set image.nonsense=1
  refuses "a tag that is no string" --set image.tag=17
  refuses "a pull policy that there is not" --set image.pullPolicy=Sometimes
  refuses "resources that are no object" --set resources=many
  refuses "a misspelt resource" --set resources.limits.memroy=64Mi
  refuses "a tag within the repository" --set image.repository=ghcr.io/tracklore/operator@sha256:1
  refuses "namespaces that are no list" --set watchNamespaces=demo
  refuses "a namespace that can't be one" --set 'watchNamespaces={Demo}'
  refuses "a switch that is no switch" --set-string crds.install=no
  refuses "more replicas than wait for one Lease" --set replicas=9
  refuses "an unknown value of the rules" --set monitoring.rules.nonsense=1
  refuses "runbooks that lie nowhere" --set monitoring.rules.runbooks=docs/runbooks
  refuses "a collector that is no address of HTTP" --set tracing.endpoint=grpc://otel.example.org
  refuses "more than all traces" --set-string tracing.samplingRatio=2
  echo "test result: $((test_count - failures)) passed; $failures failed"
  [ "$failures" = 0 ]
}

"$ROOT/e2e/airgap/programs.sh"
"$ROOT/e2e/airgap/programs.sh" helm3
[ -d "$schemas" ] || step "Schemas of Kubernetes $kubernetes" chart-schemas make_schemas
step "helm lint" chart-lint helm lint --strict "$chart"
step "The chart renders valid manifests" chart-render render
step "Helm 3 renders the same" chart-helm3 render_by_helm_3
step "What the chart renders is as promised" chart-promises python3 e2e/scripts/chart.py "$rendered"
tail -n 1 "$LOGS/chart-promises.log"
step "The chart refuses wrong values" chart-negative negative
tail -n 1 "$LOGS/chart-negative.log"
step "Examples and CRD are valid" chart-examples conform examples crds
