#!/usr/bin/env bash
# What is generated from the code and checked in. Tests fail when it has drifted; this writes it anew.
#   generate.sh crd    crds/ and the chart's copy
#   generate.sh docs   the configuration reference of each service
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
crd=crds/tracklorestacks.tracklore.io.yaml

# write FILE command…  Only when the command succeeds, and in one move.
write() {
  local file=$1 new
  shift
  new=$(mktemp)
  if ! "$@" >"$new"; then
    rm -f "$new"
    die "$file stays as it was: '$*' failed."
  fi
  mkdir -p "$(dirname "$file")"
  if cmp -s "$new" "$file"; then rm -f "$new"; else chmod 644 "$new"; mv "$new" "$file"; say "written: $file"; fi
}

case ${1:-} in
  crd)
    write "$crd" cargo run --quiet --locked -p tracklore-operator -- crd
    copies=$(git ls-files -c -o --exclude-standard "charts/**/$(basename "$crd")")
    for copy in $copies; do write "$copy" cat "$crd"; done
    ;;
  docs)
    for service in auth user posts feed; do
      write "docs/configuration/$service.md" cargo run --quiet --locked -p "tracklore-$service" -- config
    done
    ;;
  *) die "Usage: $0 crd|docs" ;;
esac
