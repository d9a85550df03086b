#!/usr/bin/env bash
# Builds the kubectl plugin and puts it beside the project's other tools, with what kubectl completes it by.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
build() { cargo build --release --locked -p tracklore-plugin; }
step "Build kubectl-tracklore" plugin-build build
mkdir -p "$CACHE/bin"
install -m 755 "$CARGO_TARGET_DIR/release/kubectl-tracklore" "$CACHE/bin/kubectl-tracklore"
"$CACHE/bin/kubectl-tracklore" completion --kubectl >"$CACHE/bin/kubectl_complete-tracklore"
chmod 755 "$CACHE/bin/kubectl_complete-tracklore"
say "kubectl tracklore is there:  export PATH=$CACHE/bin:\$PATH"
