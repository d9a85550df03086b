#!/usr/bin/env bash
# What is generated from the code and checked in. Tests fail when it has drifted; this writes it anew.
#   generate.sh crd    crds/
#   generate.sh docs   the configuration reference of each service
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
crd=crds/tracklorestacks.tracklore.io.yaml

drifted=()
# write FILE command…  Only when the command succeeds, and in one move. `check` only compares.
write() {
  local file=$1 new
  shift
  new=$(mktemp)
  if ! "$@" >"$new"; then
    rm -f "$new"
    die "$file stays as it was: '$*' failed."
  fi
  if [ "$mode" = check ]; then
    cmp -s "$new" "$file" || drifted+=("$file")
    rm -f "$new"
    return
  fi
  mkdir -p "$(dirname "$file")"
  if cmp -s "$new" "$file"; then rm -f "$new"; else chmod 644 "$new"; mv "$new" "$file"; say "written: $file"; fi
}

crd() { write "$crd" cargo run --quiet --locked -p tracklore-operator -- crd; }
docs() {
  write docs/crd.md cargo run --quiet --locked -p tracklore-operator -- crd-docs
  local service
  for service in auth user posts feed; do
    write "docs/configuration/$service.md" cargo run --quiet --locked -p "tracklore-$service" -- config
  done
}

mode=${1:-}
case $mode in
  crd | docs) "$mode" ;;
  check)
    crd
    docs
    [ ${#drifted[@]} = 0 ] || die "No longer what the code says: ${drifted[*]}. Write them anew: make crd docs-generated"
    ;;
  *) die "Usage: $0 crd | docs | check" ;;
esac
