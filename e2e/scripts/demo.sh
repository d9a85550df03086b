#!/usr/bin/env bash
# The main job against a running stack, step by step as a client would do it. Stops at the first answer that isn't right.
# TRACKLORE_URL plays it against another address.
. "$(dirname "$0")/lib.sh"
url=${TRACKLORE_URL:-http://localhost:8080}
url=${url%/}
have jq || die "jq is missing: install the package jq."
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
token=''

# call METHOD PATH STATUS [BODY]  Sends a request, shows it, and leaves the answer's body in $answer.
call() {
  local method=$1 path=$2 wanted=$3 body=${4:-} status options=()
  [ -z "$token" ] || options+=(-H "authorization: Bearer $token")
  [ -z "$body" ] || options+=(-H 'content-type: application/json' -d "$body")
  status=$(curl -sS -m 15 -o "$answer" -w '%{http_code}' -X "$method" "${options[@]}" "$url$path") ||
    die "$url doesn't answer: start the stack with make up, or set TRACKLORE_URL."
  printf '  %s %s → %s\n' "$method" "$path" "$status"
  [ "$status" = "$wanted" ] || die "$method $path answered $status instead of $wanted: $(head -c 600 "$answer")"
}
field() { jq -er "$1" "$answer" || die "The answer has no $1: $(head -c 600 "$answer")"; }
title() { printf '\n%s%s%s\n' "$C_BOLD" "$*" "$C_OFF"; }

in_feed() { curl -sf -m 5 "$url/v1/feed/users/$user?limit=100" | jq -e --arg id "$post" ".items | map(select(.post.id == \$id)) | $1"; }
# feed_until "what" jq-filter over the activities of the post
feed_until() {
  local began=$EPOCHREALTIME
  wait_for "$1" 15 in_feed "$2" || die "The feed doesn't show it within 15 s: $(curl -s -m 5 "$url/v1/feed/users/$user" | head -c 600)"
  printf '  GET /v1/feed/users/%s: %s (after %s ms)\n' "$user" "$1" $(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
}

name=demo-$(date +%s | tail -c 7)-$((RANDOM % 1000))
title "1. A person signs up"
call POST /v1/auth/signup 201 "{\"email\":\"$name@example.org\",\"username\":\"$name\",\"password\":\"a quiet lake at dawn\"}"
token=$(field .access_token)
user=$(field .user.id)
say "  $name is user $user"

title "2. The profile is there at once, and takes a name"
call GET /v1/users/me 200
call PATCH /v1/users/me 200 '{"display_name":"Demo Person"}'

title "3. They post"
call POST /v1/posts 201 '{"text":"Finished my first week!","attributes":{"course":"rust","week":1}}'
post=$(field .id)
say "  post $post"

title "4. Anyone sees it in the feed"
feed_until "the post, with its author's name" 'length == 1 and .[0].post.text == "Finished my first week!" and .[0].actor.display_name == "Demo Person"'
call GET "/v1/feed/global?limit=100" 200
jq -e --arg id "$post" 'any(.items[]; .post.id == $id)' "$answer" >/dev/null || die "The global feed doesn't show the post."

title "5. They change it, and the feed follows"
call PATCH "/v1/posts/$post" 200 '{"text":"Finished my first week, and the second!"}'
feed_until "the new text" 'length == 1 and (.[0].post.text | endswith("and the second!"))'

title "6. They delete it, and it is gone everywhere"
call DELETE "/v1/posts/$post" 204
call GET "/v1/posts/$post" 404
feed_until "no such post" 'length == 0'

title "7. Log-out ends the session"
call POST /v1/auth/logout 204
printf '\n%s✔ The main job works at %s%s\n' "$C_GREEN" "$url" "$C_OFF"
