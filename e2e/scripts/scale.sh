#!/usr/bin/env bash
# What 1, 100 and 500 stacks cost the operator, on an API server without nodes: the table of docs/scale.md.
#   STACKS="1 1000" scale.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
step "Build in release" scale-build cargo bench --locked --workspace --no-run --bench scale
cargo bench --quiet --locked --workspace --bench scale
