#!/usr/bin/env bash
# From a fresh machine to a running stack, and how to call it. Running it again is quick and picks up changed code.
. "$(dirname "$0")/lib.sh"
url=http://localhost:8080
kube() { kubectl --context kind-tracklore -n demo "$@"; }

# The example as it stands, with the images of this working tree.
apply_demo() {
  local patch
  patch=$(jq -n '{spec: {services: {auth: {image: env.TRACKLORE_IMAGE_AUTH}, user: {image: env.TRACKLORE_IMAGE_USER},
    posts: {image: env.TRACKLORE_IMAGE_POSTS}, feed: {image: env.TRACKLORE_IMAGE_FEED}},
    images: {overrides: [{name: "backup", image: env.TRACKLORE_IMAGE_BACKUP}]}}}')
  kube apply -f - <<'YAML'
apiVersion: v1
kind: Namespace
metadata:
  name: demo
  labels: {pod-security.kubernetes.io/enforce: restricted}
YAML
  kube patch --local -f "$ROOT/examples/demo.yaml" --type merge -p "$patch" -o yaml | kube apply -f -
}

# One line for each condition that the operator has written for what is applied now, newest truth only.
conditions() {
  kube get tracklorestack demo -o json | jq -r '
    .metadata.generation as $now | .status.conditions // [] | .[]
    | select((.observedGeneration // $now) == $now) | "\(.type) \(.status) \(.message // "")"'
}

# Tells what is still pending until the stack is ready; ends early when the operator says that it never will be.
wait_until_ready() {
  local until=$((SECONDS + 600)) now said='' pending
  while [ "$SECONDS" -lt "$until" ]; do
    now=$(conditions || true)
    # An old version serves on while a new one comes: ready alone could mean the old one.
    grep -q '^Ready True' <<<"$now" && grep -q '^Progressing False' <<<"$now" && return 0
    if grep -q '^Stalled True' <<<"$now"; then
      grep '^Stalled True' <<<"$now" | cut -d' ' -f3-
      return 1
    fi
    pending=$(awk '$1 ~ /(Ready|Complete)$/ && $1 != "Ready" && $2 != "True" {print $1}' <<<"$now" | paste -sd' ')
    if [ "$pending" != "$said" ]; then
      [ -z "$pending" ] || printf '  … waiting for: %s\n' "$pending" >&"$terminal"
      said=$pending
    fi
    sleep 0.5
  done
  echo "Not ready after 10 minutes. The conditions:"
  conditions
  kube get pods
  kube get events --sort-by=.lastTimestamp | tail -n 15
  return 1
}
answers() { curl -sf -m 3 -o /dev/null "$url/v1/feed/global"; }
reachable() { wait_for "an answer of $url/v1/feed/global" 60 answers; }

up() {
  "$ROOT/e2e/scripts/install.sh"
  set -a
  # shellcheck source=/dev/null
  . "$CACHE/images/services.env"
  set +a
  step "Apply the stack demo (examples/demo.yaml)" demo-apply apply_demo
  exec {terminal}>&1
  STEP_HINT="Look closer: kubectl --context kind-tracklore -n demo describe tstack demo" \
    step "The stack gets ready" demo-ready wait_until_ready
  exec {terminal}>&-
  STEP_HINT="Is something else on port 8080? See: ss -ltnp 'sport = :8080'" step "$url answers" demo-reachable reachable
  cat <<TEXT

${C_BOLD}Tracklore runs at $url${C_OFF} (cluster kind-tracklore, stack demo in namespace demo). To call it:

  curl -s $url/v1/auth/signup -H 'content-type: application/json' \\
    -d '{"email":"ada@example.org","username":"ada","password":"correct horse battery"}' | tee /tmp/ada.json
  TOKEN=\$(jq -r .access_token /tmp/ada.json)
  curl -s $url/v1/posts -H "authorization: Bearer \$TOKEN" -H 'content-type: application/json' -d '{"text":"Hello, Tracklore!"}'
  curl -s $url/v1/feed/global

The same as a play: make demo   ·   what runs: make status   ·   end it: make down
kubectl and the other tools: export PATH=$BIN:\$PATH
TEXT
}
TRACKLORE_RUN="make up" with_lock up
