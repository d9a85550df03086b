#!/bin/bash
# CloudNativePG's operator, built by programs.sh: one static program, uid 65532, nothing else. Instances get theirs from
# this image too, each the one of its architecture.
. "$(dirname "$0")/root.sh"
"$here/../programs.sh" cloudnative-pg
mkdir -p "$root"/{etc,operator}
users nonroot:65532
architecture=$(go env GOARCH)
install -m 755 "$CACHE/programs/cloudnative-pg" "$root/operator/manager_$architecture"
ln -s "operator/manager_$architecture" "$root/manager"
pack <<'D'
USER 65532:65532
ENTRYPOINT ["/manager"]
D
