#!/usr/bin/env bash
# A Kubernetes without nodes: etcd, an API server and the controllers of workloads as plain processes, with Tracklore's CRD
# and the operator's own rights, for tests that need no running pods. Who starts it plays the kubelet.
#   apiserver.sh   prints where it runs, then lives until its standard input ends (or Ctrl-D) and leaves nothing behind. There it
#                  can be told meanwhile: `kill` or `start` (the API server), `pause` or `resume` (etcd)
# Printed is the folder that holds `kubeconfig` (of an administrator), `operator` (of the operator's account), `rival` (the same, of
# another replica: the audit log tells them apart by the account's uid) and `audit.log`.
. "$(dirname "$0")/lib.sh"
account=system:serviceaccount:tracklore-system:tracklore-operator
token=only-within-this-machine

for program in etcd kubebox; do
  [ -x "$CACHE/programs/$program" ] || "$ROOT/e2e/airgap/programs.sh" "$program" >&2
done
have helm || "$ROOT/e2e/airgap/programs.sh" >&2

folder=$(mktemp -d "${TMPDIR:-/tmp}/tracklore-apiserver.XXXXXX")
children=()
declare -A process
leave() {
  [ ${#children[@]} = 0 ] || kill -KILL "${children[@]}" 2>/dev/null || true
  wait
  rm -rf "$folder"
}
trap leave EXIT
trap exit INT TERM

# start NAME program arguments…  in the background, with its output in the folder
start() {
  local name=$1
  shift
  "$@" >>"$folder/$name.log" 2>&1 9>&- </dev/null &
  children+=($!)
  process[$name]=$!
}
port() { # one that nobody listens on
  local number
  while number=$((20000 + RANDOM % 10000)); ss -Hltn "sport = :$number" | grep -q .; do :; done
  echo "$number"
}
kube() { # one of Kubernetes' programs
  local program=$1
  shift
  "$CACHE/programs/kubebox" "$program" "$@"
}
kubectl() { kube kubectl --kubeconfig "$folder/kubeconfig" "$@"; }
kubeconfig() { # user
  jq -n --arg server "https://127.0.0.1:$api" --arg token "$token-$1" '{apiVersion: "v1", kind: "Config",
    clusters: [{name: "here", cluster: {server: $server, "insecure-skip-tls-verify": true}}],
    users: [{name: "me", user: {$token}}], contexts: [{name: "here", context: {cluster: "here", user: "me"}}],
    "current-context": "here"}'
}

store=$(port) peers=$(port) api=$(port)
kubeconfig admin >"$folder/kubeconfig"
kubeconfig operator >"$folder/operator"
kubeconfig rival >"$folder/rival"
groups=\"system:serviceaccounts,system:serviceaccounts:tracklore-system\"
printf '%s\n' "$token-admin,admin,admin,system:masters" \
  "$token-operator,$account,operator,$groups" "$token-rival,$account,rival,$groups" >"$folder/tokens"
openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null

# What is lost with this machine needn't be written through to its disk. A thousand stacks take more than the 2 GiB of the default.
start etcd "$CACHE/programs/etcd" --data-dir "$folder/etcd" --unsafe-no-fsync --quota-backend-bytes 8589934592 --log-level error \
  --listen-client-urls "http://127.0.0.1:$store" --advertise-client-urls "http://127.0.0.1:$store" \
  --listen-peer-urls "http://127.0.0.1:$peers"
# Pods need no accounts here, as nothing runs in them.
api_server() {
  start kube-apiserver "$CACHE/programs/kubebox" kube-apiserver --etcd-servers "http://127.0.0.1:$store" \
    --bind-address 127.0.0.1 --secure-port "$api" --cert-dir "$folder/certificates" --authorization-mode RBAC \
    --token-auth-file "$folder/tokens" --disable-admission-plugins ServiceAccount --service-cluster-ip-range 10.96.0.0/12 \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$folder/accounts.key" \
    --service-account-signing-key-file "$folder/accounts.key" \
    --audit-policy-file "$ROOT/e2e/audit-policy.yaml" --audit-log-path "$folder/audit.log" --audit-log-maxsize 4096
}
api_server
wait_for "the API server; its log: $(tail -n 3 "$folder/kube-apiserver.log")" 120 kubectl get --raw /readyz || exit 1

# The CRD comes first: the collector of garbage looks for kinds when it starts, and then twice a minute only.
kubectl apply --server-side --filename "$ROOT/crds" >&2
# Those of other operators that stacks ask for something; their webhooks would refuse all, as nobody answers here.
others=$(cat "$("$ROOT/e2e/scripts/cloudnative-pg.sh" manifest)" <(echo ---) "$("$ROOT/e2e/scripts/strimzi.sh" crds)" |
  awk 'BEGIN { RS = "\n---\n" } /kind: CustomResourceDefinition/ && /\n  name: (clusters|databases|databaseroles|scheduledbackups|kafkas|kafkatopics|kafkausers)\./ { print "---\n" $0 }')
kubectl apply --server-side --filename - <<<"$others" >&2
kubectl wait --for condition=Established --timeout 60s crd --all >&2
kubectl create namespace tracklore-system >&2
helm template tracklore-operator "$ROOT/charts/tracklore-operator" --namespace tracklore-system \
  --show-only templates/rbac.yaml | kubectl apply --server-side --filename - >&2
start kube-controller-manager "$CACHE/programs/kubebox" kube-controller-manager --kubeconfig "$folder/kubeconfig" \
  --leader-elect=false --kube-api-qps 2000 --kube-api-burst 4000 --secure-port 0 \
  --controllers garbage-collector-controller,deployment-controller,replicaset-controller,statefulset-controller,job-controller,namespace-controller

echo "$folder"
while read -r what; do
  case $what in
    kill) kill -KILL "${process[kube-apiserver]}" ;;
    start) api_server ;;
    pause) kill -STOP "${process[etcd]}" ;;
    resume) kill -CONT "${process[etcd]}" ;;
  esac
done
