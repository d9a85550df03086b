#!/usr/bin/env bash
# Benchmarks: what runs on the cluster, when it runs, and the services by themselves, each figure beside the least that it
# could cost on this machine in the same run. Prints them, and keeps them in docs/benchmarks.md in place of those before.
#   bench.sh [stack] [identity] [writes] [flow] [visible] [reads]   all without arguments
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
scripts=$ROOT/e2e/scripts
page=$ROOT/docs/benchmarks.md
parts=("$@")
if [ ${#parts[@]} = 0 ]; then
  parts=(identity writes flow visible reads)
  if curl -sf -m 5 -o /dev/null "${TRACKLORE_URL:-http://localhost:8080}/v1/feed/global"; then
    parts+=(stack)
  else
    say "The stack doesn't run (make up), so it is left out."
  fi
fi
selected=()
for part in "${parts[@]}"; do
  case $part in
    identity | writes | flow | visible | reads) selected+=(--bench "$part") ;;
    stack) ;;
    *) die "There is no benchmark '$part': name some of stack, identity, writes, flow, visible and reads, or none." ;;
  esac
done

# Titles of the page's sections, in their order.
order=(identity writes flow visible reads stack)
declare -A title=(
  [identity]='Accounts, and who asks' [writes]='Writing posts, and the relay' [flow]='A feed that keeps up'
  [visible]='From acknowledged to visible' [reads]='Reading feeds' [stack]='The stack of make up'
)
unreached="What isn't reached, and where the time goes"

head_of_page() {
  cat <<TEXT
# Benchmarks

What \`make bench\` printed when it was last kept. Each figure stands beside the least that it could cost on the same machine in the same
run: read the shares, the rest is this machine's. Built as releases are, with Postgres, Valkey and Kafka in containers beside it. Whoever asks shares the
processors with what is asked, but for log-ins.

TEXT
}
# As the page has it now.
kept_section() { awk -v heading="## $1" '/^## / {on = $0 == heading} on' "$page"; }
build() {
  cargo build --profile dist --locked --workspace --bin=tracklore-{auth,user,posts,feed} &&
    cargo bench --profile dist --locked --workspace --no-run "${selected[@]}"
}
run_part() {
  printf '## %s\n\n' "${title[$1]}"
  circumstances
  case $1 in
    identity | reads) bench "$1" ;;
    stack) fenced "$scripts/bench-stack.sh" ;;
    *) fenced bench "$1" ;;
  esac
  echo
}
# As it is printed, where it is no table.
fenced() {
  printf '```\n'
  "$@"
  printf '```\n'
}
bench() {
  # shellcheck disable=SC2086,SC2154,SC2163  # KEY=value words
  (unset "${!TRACKLORE_@}"; export $variables; cargo bench --profile dist --quiet --locked --workspace --bench "$1")
}

kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
for part in "${order[@]}"; do kept_section "${title[$part]}" >"$kept/$part"; done
if [ ${#selected[@]} -gt 0 ]; then
  step "Build as for a release" bench-build build
  "$scripts/deps.sh" up test
  variables=$("$scripts/deps.sh" env test)
fi
for part in "${parts[@]}"; do run_part "$part" | tee "$kept/$part"; done
{
  head_of_page
  for part in "${order[@]}"; do cat "$kept/$part"; done
  kept_section "$unreached"
} >"$kept/page"
cp "$kept/page" "$page"
say "Kept in docs/benchmarks.md."
