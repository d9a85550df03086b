#!/usr/bin/env bash
# What is generated from the code and checked in.
#   generate.sh crd     writes crds/ anew
#   generate.sh docs    writes the references in docs/ anew: configuration and OpenAPI documents of the services, fields of the CRD, values of the chart
#   generate.sh check   fails when any of these isn't what the programs in the target folder print
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
drifted=()

# The services refuse variables under their prefix that they don't know, and the scripts have some.
printed() { env -i "$CARGO_TARGET_DIR/debug/tracklore-$1" "${@:2}"; }
configuration() {
  cat <<TEXT
# Configuration of $1

All settings are environment variables; a variable that begins with \`TRACKLORE_\` and isn't listed here is refused. This page is
what \`tracklore-$1 config\` prints.

TEXT
  printed "$1" config
}

# generated FILE command…  Writes the command's output into the file, or notes that it differs.
generated() {
  local file=$1 new
  shift
  new=$(mktemp)
  if ! "$@" >"$new"; then
    rm -f "$new"
    die "$file can't be generated: '$*' failed."
  fi
  if cmp -s "$new" "$file"; then
    rm -f "$new"
  elif [ "$mode" = check ]; then
    drifted+=("$file")
    diff -u "$file" "$new" | head -n 20 || true
    rm -f "$new"
  else
    mkdir -p "$(dirname "$file")"
    chmod 644 "$new"
    mv "$new" "$file"
    say "written: $file"
  fi
}

# The metrics of all programs in one table; those that several have stand once.
metrics() {
  local program
  cat <<'TEXT'
# Metrics

What the programs tell Prometheus: the services on port 9090 at `/metrics`, the operator on port 8080. This page is what their
subcommand `metrics` prints. Names follow OpenTelemetry's semantic conventions in Prometheus' form, or begin with `tracklore_`. How to
have them fetched, and the labels `namespace`, `stack` and `component` that every series of a stack gets then, is told in
[observability](observability.md).

| metric | kind | labels | meaning | of |
|---|---|---|---|---|
TEXT
  for program in auth user posts feed operator; do printed "$program" metrics | sed "s/\$/\t$program/"; done | awk -F '\t' '
    !($1 in of) { order[++n] = $1; of[$1] = $2; next }
    { of[$1] = of[$1] ", " $2 }
    END {
      for (i = 1; i <= n; i++) {
        sub(/^auth, user, posts, feed/, "services", of[order[i]])
        print order[i] " " of[order[i]] " |"
      }
    }'
}

crd() { generated crds/tracklorestacks.tracklore.io.yaml printed operator crd; }
docs() {
  local service
  generated docs/crd.md printed operator crd-docs
  for service in auth user posts feed; do
    generated "docs/configuration/$service.md" configuration "$service"
    generated "docs/api/$service.json" printed "$service" openapi
  done
  for service in auth user posts; do generated "docs/api/$service-internal.json" printed "$service" openapi --internal; done
  generated docs/metrics.md metrics
  generated charts/tracklore-operator/README.md "$ROOT/e2e/scripts/values.py" charts/tracklore-operator
}

mode=${1:-}
case $mode in
  crd)
    cargo build --locked --workspace --bins --tests
    crd
    ;;
  docs)
    # with the tests, so that the same artefacts serve both
    cargo build --locked --workspace --bins --tests
    # what is in docs/api is a promise: it isn't overwritten by less
    cargo test --locked --workspace --lib --bins -- ever_published
    docs
    ;;
  check)
    crd
    docs
    [ ${#drifted[@]} = 0 ] || die "Not what the code says: ${drifted[*]}. Run make crd docs-generated, and look at what changed."
    say "What is generated is what the code says."
    ;;
  *) die "Usage: $0 crd|docs|check" ;;
esac
