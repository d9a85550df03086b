#!/usr/bin/env bash
# The kind cluster `tracklore`, context kind-tracklore in the default kubeconfig.
#   cluster.sh up            create it, or bring back what is left of it; load the images that stacks run
#   cluster.sh down          delete it
#   cluster.sh status        its nodes; 1 when there is none
#   cluster.sh load IMAGE…   images of this machine's Docker into all its nodes
#   cluster.sh cut-power     end its node without a word and start it again; for a test that holds the lock
# TRACKLORE_NODES=3 makes `up` create three nodes.
. "$(dirname "$0")/lib.sh"
# shellcheck source=../airgap/versions.sh
. "$ROOT/e2e/airgap/versions.sh"
name=tracklore context=kind-tracklore port=8080

containers() { docker ps -a --filter "label=io.x-k8s.kind.cluster=$name" --format '{{.Names}}'; }
api_answers() { kubectl --context "$context" --request-timeout 5s get --raw /readyz; }
nodes_ready() { kubectl --context "$context" --request-timeout 5s wait --for=condition=Ready nodes --all --timeout 4s; }

require_free_port() {
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  local who
  who=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\("[^"]*"\),pid=\([0-9]*\).*/ (\1, process \2)/p' | head -n 1 || true)
  die "Port $port of this machine, where Tracklore is to answer, is taken by something else$who: stop that and try again."
}
require_disk() {
  local folder free
  folder=$(docker info -f '{{.DockerRootDir}}')
  [ -d "$folder" ] || return 0
  free=$(free_gib "$folder")
  [ "$free" -ge 4 ] || die "The disk of $folder has $free GiB free and a cluster needs 4: make room and try again."
}

create() {
  local image=$NODE_REGISTRY config=kind-config.yaml
  case ${TRACKLORE_NODES:-1} in
    1) ;;
    3) config=kind-config-3.yaml ;;
    *) die "TRACKLORE_NODES is ${TRACKLORE_NODES}, and it can be 1 or 3." ;;
  esac
  require_free_port
  require_disk
  if ! registry_reachable; then
    "$ROOT/e2e/airgap/node.sh"
    image=$(cat "$CACHE/images/node.name")
  fi
  # The node mounts the audit policy by a path relative to here, and needs it at every start: also when the checkout is gone.
  install -D -m 644 "$ROOT/e2e/audit-policy.yaml" "$CACHE/cluster/e2e/audit-policy.yaml"
  install -m 644 "$ROOT/$config" "$CACHE/cluster/"
  cd "$CACHE/cluster"
  STEP_HINT="The same command again deletes what is half-made and starts anew." \
    step "Create the cluster $context" cluster-create kind create cluster --name "$name" --image "$image" --config "$config" --wait 180s
}

# Brings a stopped cluster back (a killed Docker daemon leaves its nodes stopped). 1 when it can't be saved.
revive() {
  api_answers >/dev/null 2>&1 && return 0
  docker ps -q --filter "label=io.x-k8s.kind.cluster=$name" --filter "publish=$port" | grep -q . || require_free_port
  containers | xargs docker start || return 1
  kind export kubeconfig --name "$name" || return 1
  wait_for "the API server" 120 api_answers && wait_for "the nodes" 120 nodes_ready
}

up() {
  "$ROOT/e2e/airgap/docker.sh"
  "$ROOT/e2e/airgap/programs.sh"
  "$ROOT/e2e/airgap/images.sh" postgres valkey kafka traefik
  if [ -n "$(containers)" ]; then
    if ! (api_answers >/dev/null 2>&1) && ! (step "Bring the cluster $context back" cluster-revive revive); then
      warn "What is left of the cluster can't be brought back: it's created anew."
      delete
    fi
  fi
  [ -n "$(containers)" ] || create
  refuse_what_nobody_answers
  reserve_for_proxy
  load "${IMAGES[@]}"
}

# What nobody answers has to be refused, and must not leave the cluster: where something answers out there, clients would stay
# with that for as long as they keep the connection. A Service without ready pods: the policy controller of the node image accepts
# the connection before kube-proxy's rule is reached; it goes to a closed port of the node instead. A pod that has ended: its address
# has no route any more.
refuse_what_nobody_answers() {
  local node
  local -r rule=(PREROUTING -d 10.96.0.0/16 -p tcp -m comment --comment "Service without endpoints" -j REDIRECT --to-ports 1)
  for node in $(containers); do
    docker exec "$node" iptables -w 10 -t nat -C "${rule[@]}" 2>/dev/null || docker exec "$node" iptables -w 10 -t nat -A "${rule[@]}"
    docker exec "$node" ip route replace unreachable 10.244.0.0/16
  done
}

# As kubeadm makes it, kube-proxy asks for no share of the processor: while pods of a stack start, it was eight seconds late to
# send nothing more to those that had ended.
reserve_for_proxy() {
  kubectl --context "$context" -n kube-system set resources daemonset/kube-proxy --requests cpu=100m >/dev/null
  kubectl --context "$context" -n kube-system rollout status daemonset/kube-proxy --timeout 2m >/dev/null
}

delete() { step "Delete the cluster $context" cluster-delete kind delete cluster --name "$name"; }
down() {
  if ! docker version >/dev/null 2>&1; then
    # The nodes of a daemon that was killed are still there, stopped.
    if ! is_root || ! have dockerd; then say "Docker doesn't run, so there is no cluster."; return; fi
    "$ROOT/e2e/airgap/docker.sh"
  fi
  if [ -n "$(containers)" ]; then delete; else say "There is no cluster $context."; fi
}

cut_power() {
  local node
  node=$(containers)
  [ "$(wc -l <<<"$node")" = 1 ] || die "Several nodes that start again may get one another's addresses: do this with one."
  docker kill "$node" >/dev/null
  docker start "$node" >/dev/null
  # what runs before has rules of its own to bring back
  wait_for "the node's systemd" 60 docker exec "$node" systemctl show
  refuse_what_nobody_answers
}

status() {
  if ! docker version >/dev/null 2>&1; then say "Docker doesn't run, so there is no cluster."; return 1; fi
  if [ -z "$(containers)" ]; then say "There is no cluster $context: make up creates it."; return 1; fi
  if ! kubectl --context "$context" --request-timeout 5s get nodes -o wide 2>/dev/null; then
    docker ps -a --filter "label=io.x-k8s.kind.cluster=$name" --format '{{.Names}}  {{.Status}}'
    say "The API server doesn't answer: make up brings the cluster back."
  fi
}

# missing_in NODE IMAGE…  Those that the node hasn't got, or has with another content under the name.
missing_in() {
  local node=$1 there image
  shift
  there=$(docker exec "$node" crictl images -o json | jq -r '.images[] | .id as $id | .repoTags[]? | "\(.) \($id)"')
  for image in "$@"; do
    grep -qxF "$image $(docker image inspect -f '{{.Id}}' "$image")" <<<"$there" || echo "$image"
  done
}
import() { # node, images
  docker save "${@:2}" | docker exec -i "$1" ctr -n k8s.io images import --digests -
}
load() {
  local node missing
  docker image inspect "$@" >/dev/null 2>&1 || die "Docker hasn't got all of these images: $*"
  for node in $(containers); do
    mapfile -t missing < <(missing_in "$node" "$@")
    [ ${#missing[@]} = 0 ] || step "Load into $node: ${missing[*]##*/}" "load-$node" import "$node" "${missing[@]}"
  done
}

case ${1:-} in
  status) status ;;
  cut-power) cut_power ;;
  up | down | load)
    printenv TRACKLORE_LOCK_HELD >/dev/null || { TRACKLORE_RUN="cluster.sh $1" with_lock "$0" "$@"; exit; }
    "$@"
    ;;
  *) die "cluster.sh up | down | status | load IMAGE… | cut-power" ;;
esac
