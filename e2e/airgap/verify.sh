#!/bin/bash
# Asks the cluster what Tracklore asks of it: names, Services, claims, policies, limits. Takes about a minute, works in a
# namespace of its own and leaves nothing behind. Run it after changing anything in this folder: e2e/airgap/verify.sh
set -euo pipefail
# shellcheck source=../scripts/lib.sh
. "$(dirname "$0")/../scripts/lib.sh"
# shellcheck source=versions.sh
. "$(dirname "$0")/versions.sh"
namespace=tracklore-verify
kube() { kubectl --context kind-tracklore "$@"; }
k() { kube -n "$namespace" "$@"; }

passed=0 failed=0
# check "claim" command…  One line each; the command's output shows when it fails.
check() {
  local claim=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf '%s✔%s %s\n' "$C_GREEN" "$C_OFF" "$claim"
  else
    failed=$((failed + 1))
    printf '%s✘ %s%s\n%s\n' "$C_RED" "$claim" "$C_OFF" "$output"
  fi
}
# within SECONDS command…  Tries until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; done
}
not() { ! "$@"; }

ask() { k exec "$1" -- valkey-cli -t 2 -h "$2" "${@:3}"; } # pod, host, command
pong() { ask "$1" "$2" ping | grep -q PONG; }
silent() { not pong "$@"; }

node_answers() { kube wait --for=condition=Ready nodes --all --timeout=60s; }
system_runs() { not grep -q . <<<"$(kube get pods -A --no-headers | grep -E '^(kube-system|local-path-storage) ' | grep -v ' Running ')"; }
default_class() { [ "$(kube get sc standard -o jsonpath='{.metadata.annotations.storageclass\.kubernetes\.io/is-default-class}')" = true ]; }

# The pods are of Valkey's image, which every cluster of ours has: server and client in one.
apply_pods() {
  sed "s#IMAGE#${IMAGES[valkey]}#" "$(dirname "$0")/verify.yaml" | kube apply -f - &&
    k rollout status deploy/web --timeout=90s && k rollout status sts/db --timeout=90s &&
    k wait --for=condition=Ready pod/client pod/stranger --timeout=60s
}
both_replicas() { # new connections reach both, in not too many tries
  local seen
  seen=$(for _ in $(seq 16); do ask client web info server | grep run_id; done | sort -u | wc -l)
  [ "$seen" = 2 ]
}
claim_survives() {
  ask client db-0.db set survives yes && k delete pod db-0 --wait && k rollout status sts/db --timeout=90s &&
    within 20 survived
}
survived() { [ "$(ask client db-0.db get survives)" = yes ]; }
host_port() { # the answer of the server behind the node port
  exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'PING\r\n' >&3 && read -r -t 5 line <&3 && [[ $line = *PONG* ]]
}
port_forward() {
  local log rc=0 pid
  log=$(mktemp)
  kubectl --context kind-tracklore -n "$namespace" port-forward svc/web :6379 >"$log" 2>&1 &
  pid=$!
  within 10 grep -q 'Forwarding from 127' "$log" || rc=1
  kill "$pid" && rm -f "$log"
  return "$rc"
}
bare_pod_refused() { grep 'violates PodSecurity' <<<"$(k run bare --image="${IMAGES[valkey]}" 2>&1)"; }
job_completes() { k wait --for=condition=complete job/once --timeout=60s; }
# early in a container's life the kernel's kill may show as Error: the code is the same
memory_kills() { [ "$(k get pod eater -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}')" = 137 ]; }
# shellcheck disable=SC2016 # expanded in the pod
exec_takes_input() { [ "$(k exec -i client -- sh -c 'read -r line; echo "$line"' <<<hello)" = hello ]; }
logs_show() { k logs deploy/web | grep -q Ready; }
all_through() { pong stranger web && pong client db-0.db; }
probes_pass() { [ "$(k get pod -l app=web -o jsonpath='{.items[*].status.conditions[?(@.type=="Ready")].status}')" = "True True" ]; }

custom_resource() {
  kube apply -f - <<'Y' && kube wait --for=condition=Established crd/things.verify.tracklore.test --timeout=20s
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.verify.tracklore.test}
spec:
  group: verify.tracklore.test
  scope: Namespaced
  names: {plural: things, kind: Thing}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties: {low: {type: integer}, high: {type: integer}}
              x-kubernetes-validations: [{rule: "self.low <= self.high", message: "low must not exceed high"}]
Y
}
thing() { # low, high
  k apply -f - 2>&1 <<<"{\"apiVersion\":\"verify.tracklore.test/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"low\":$1,\"high\":$2}}"
}
thing_refused() { grep 'low must not exceed high' <<<"$(thing 3 2)"; }

# ingress / egress  The policy of that name with the rules given as JSON.
policy() { # name, app, type, rules
  k apply -f - <<<"{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"$1\"},
    \"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"$2\"}},\"policyTypes\":[\"${3^}\"],\"$3\":$4}}" >/dev/null
}
client_only='[{"from":[{"podSelector":{"matchLabels":{"app":"client"}}}],"ports":[{"port":6379}]}]'
dns_and_web='[{"to":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"kube-system"}}}],"ports":[{"port":53,"protocol":"UDP"},{"port":53}]},
  {"to":[{"podSelector":{"matchLabels":{"app":"web"}}}]}]'

clean_up() {
  kube delete crd things.verify.tracklore.test --ignore-not-found
  kube delete namespace "$namespace" --ignore-not-found --timeout=90s
}
volumes_gone() { not grep -q "$namespace" <<<"$(kube get pv -o jsonpath='{.items[*].spec.claimRef.namespace}')"; }

clean_up >/dev/null 2>&1 || true
check "the nodes are ready" node_answers
check "the system's pods run" within 60 system_runs
check "the default storage class is standard" default_class
check "a Deployment, a StatefulSet with claims and pods come up in a namespace with Pod Security restricted" apply_pods
check "a Service answers by its short name" within 10 pong client web
check "a Service answers by its full name" pong client web.$namespace.svc.cluster.local
check "a Service reaches both replicas" both_replicas
check "a headless name reaches its pod" within 10 pong client db-0.db
check "what a claim holds survives its pod" claim_survives
check "kubectl exec passes standard input" exec_takes_input
check "kubectl logs" logs_show
check "kubectl port-forward" port_forward
if [ "$(kube get svc -A -o jsonpath='{.items[*].spec.ports[?(@.nodePort==30080)].nodePort}')" = "" ]; then
  k patch service web -p '{"spec":{"type":"NodePort","ports":[{"port":6379,"nodePort":30080}]}}' >/dev/null
  check "port 8080 of this machine reaches node port 30080" within 10 host_port
fi
check "a Job completes" job_completes
check "a pod that isn't restricted is refused" bare_pod_refused
check "a memory limit kills" within 60 memory_kills
check "a custom resource is served" custom_resource
check "a valid object is taken" within 10 thing 1 2
check "an object that breaks a CEL rule is refused" thing_refused
check "without policies the stranger gets through" pong stranger web
policy web web ingress '[]'
check "policy: nobody gets in" within 10 silent client web
policy web web ingress "$client_only"
check "policy: the client gets in" within 10 pong client web
check "policy: the stranger doesn't" silent stranger web
policy out client egress "$dns_and_web"
check "policy: the client gets out to web no longer to db" within 10 silent client db-0.db
check "policy: the client still gets to web, by name" pong client web
check "policy: the kubelet's probes get through" probes_pass
k delete netpol --all >/dev/null
check "without policies all get through again" within 10 all_through
check "the namespace goes" clean_up
check "its volumes go with it" within 30 volumes_gone
say "$passed passed, $failed failed"
[ "$failed" = 0 ]
