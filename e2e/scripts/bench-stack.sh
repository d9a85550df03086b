#!/usr/bin/env bash
# Figures of the running stack: what it weighs, and how fast it answers when little is going on. A yardstick, not a load test.
#   READS=500 POSTS=20 bench-stack.sh
. "$(dirname "$0")/lib.sh"
url=${TRACKLORE_URL:-http://localhost:8080}
reads=${READS:-500} posts=${POSTS:-20}
kube() { kubectl --context kind-tracklore "$@"; }
title() { printf '\n%s%s%s\n' "$C_BOLD" "$*" "$C_OFF"; }
curl -sf -m 5 -o /dev/null "$url/v1/feed/global" || die "$url doesn't answer: start the stack with make up."

# Seconds, a line each → percentiles in milliseconds.
percentiles() {
  sort -n | awk '{v[NR] = $1 * 1000}
    END {if (NR == 0) exit 1
         printf "  %d times: median %.1f ms, 95 %% %.1f ms, 99 %% %.1f ms, worst %.1f ms\n",
           NR, v[int((NR + 1) / 2)], v[int(NR * 0.95 + 0.5)], v[int(NR * 0.99 + 0.5)], v[NR]}'
}

title "Memory (resident, as the kubelet sees it)"
kube get nodes -o name | cut -d/ -f2 | while read -r node; do
  kube get --raw "/api/v1/nodes/$node/proxy/stats/summary"
done | jq -rs '.[].pods[] | select(.podRef.namespace == "demo" or .podRef.namespace == "tracklore-system")
  | .podRef.name as $pod | .containers[] | "\($pod)/\(.name)\t\((.memory.rssBytes // 0) / 1048576 | . * 10 | round / 10) MiB"' |
  sort | column -t -s $'\t' | sed 's/^/  /'

title "Images"
if [ -e "$CACHE/images/services.env" ]; then
  sed -n 's/^TRACKLORE_IMAGE_[A-Z]*=\(.*\)/\1/p' "$CACHE/images/services.env" | while read -r image; do
    docker image inspect -f '{{index .RepoTags 0}} {{.Size}}' "$image" 2>/dev/null
  done | awk '{printf "  %-60s %.1f MiB\n", $1, $2 / 1048576}'
fi

title "Reading the global feed, one after the other on one connection"
for ((i = 0; i < reads; i++)); do printf 'url="%s/v1/feed/global"\noutput=/dev/null\n' "$url"; done |
  curl -s -K - -w '%{time_total}\n' | percentiles

title "Signing up, posting, and until the post is in the feed"
name=bench-$(date +%s | tail -c 7)-$((RANDOM % 1000))
answer=$(curl -sS -m 15 -w '\n%{time_total}' "$url/v1/auth/signup" -H 'content-type: application/json' \
  -d "{\"email\":\"$name@example.org\",\"username\":\"$name\",\"password\":\"a quiet lake at dawn\"}")
token=$(head -n 1 <<<"$answer" | jq -er .access_token) || die "The sign-up failed: $answer"
user=$(head -n 1 <<<"$answer" | jq -er .user.id)
printf '  sign-up: %s s\n' "$(tail -n 1 <<<"$answer")"
created=$(mktemp) seen=$(mktemp)
trap 'rm -f "$created" "$seen"' EXIT
in_feed() { curl -sf -m 5 "$url/v1/feed/users/$user" | grep -q "$1"; }
for ((i = 0; i < posts; i++)); do
  answer=$(curl -sS -m 15 -w '\n%{time_total}' "$url/v1/posts" -H "authorization: Bearer $token" \
    -H 'content-type: application/json' -d "{\"text\":\"bench $i\"}")
  began=$EPOCHREALTIME
  tail -n 1 <<<"$answer" >>"$created"
  post=$(head -n 1 <<<"$answer" | jq -er .id) || die "Posting failed: $answer"
  until in_feed "$post"; do
    [ $((${EPOCHREALTIME/./} - ${began/./})) -lt 15000000 ] || die "Post $post isn't in the feed after 15 s."
  done
  awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN {print b - a}' >>"$seen"
done
printf '  posting'; percentiles <"$created"
printf '  in the feed after'; percentiles <"$seen"

title "What the gateway adds to a read: from the node, in turns, to a pod of the gateway and to one of the feed"
address() { kube -n demo get pods -l "app.kubernetes.io/name=$1" --field-selector status.phase=Running -o jsonpath='{.items[0].status.podIP}'; }
# The node has no curl, but this machine has, and enters its network.
node=$(docker inspect -f '{{.State.Pid}}' "$(kube get nodes -o jsonpath='{.items[0].metadata.name}')")
gateway=http://$(address gateway):8000 feed=http://$(address feed):8080
# round URL HEADER  Seconds of each of fifty answers on one connection: no more than a user may ask for in a second.
round() {
  for ((i = 0; i < 50; i++)); do printf 'url="%s"\noutput=/dev/null\n' "$1"; done |
    nsenter --net="/proc/$node/ns/net" curl -sf -K - -H "$2" -w '%{time_total}\n'
}
# adds WHO PATH HEADER
adds() {
  local through direct
  through=$(mktemp) direct=$(mktemp)
  for ((turn = 0; turn < 20; turn++)); do
    began=$EPOCHREALTIME
    round "$gateway$2" "$3" >>"$through"
    round "$feed$2" "$3" >>"$direct"
    sleep "$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN {print (b - a < 1.1) ? 1.1 - (b - a) : 0}')"
  done
  printf '  %s, through it' "$1"
  percentiles <"$through"
  printf '  %s, past it   ' "$1"
  percentiles <"$direct"
  paste <(sort -n "$through") <(sort -n "$direct") |
    awk '{d[NR] = ($1 - $2) * 1000} END {printf "  it adds %.2f ms at the median (wanted: at most 1 ms)\n", d[int((NR + 1) / 2)]}'
  rm -f "$through" "$direct"
}
adds anonymous /v1/feed/global "accept: application/json"
# The gateway asks auth whose the token is.
adds "with a token" /v1/feed/home "authorization: Bearer $token"
