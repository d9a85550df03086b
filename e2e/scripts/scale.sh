#!/usr/bin/env bash
# What many stacks cost the operator, built as it is released, at an API server without nodes. Prints the table, and keeps it in
# docs/scale.md in place of the one before.
#   SIZES=1,100 scale.sh   only so many stacks: the page stays as it is
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
page=$ROOT/docs/scale.md
heading='## The figures'

build() { cargo bench --profile dist --locked --workspace --no-run --bench scale; }
# Its own variables are no settings of the operator.
measure() { (unset "${!TRACKLORE_@}"; cargo bench --profile dist --quiet --locked --workspace --bench scale); }
# The page with what is kept in place of the lines under the heading.
renewed() { awk -v heading="$heading" -v kept="$1" '
  /^## / {on = 0} !on; $0 == heading {on = 1; print ""; while ((getline line <kept) > 0) print line; print ""}' "$page"; }

"$ROOT/e2e/airgap/programs.sh"
"$ROOT/e2e/airgap/programs.sh" etcd
step "Build as for a release" scale-build build
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
{
  circumstances
  measure
} | tee "$kept/figures"
if [ -z "${SIZES:-}" ]; then
  renewed "$kept/figures" >"$kept/page"
  cp "$kept/page" "$page"
  say "Kept in docs/scale.md."
fi
