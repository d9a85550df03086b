#!/usr/bin/env bash
# An image of the next version of posts, for the end-to-end test of an upgrade: this working tree with e2e/next/posts.patch.
#   next.sh     compiles and builds it, loads it into the cluster where one runs, and prints its name
# Nothing is compiled unless something changed that goes into posts.
. "$(dirname "$0")/lib.sh"
place=$CACHE/next
sources=$place/src target=$place/target
program=$target/release/tracklore-posts
patch=$ROOT/e2e/next/posts.patch
cd "$ROOT"

# Of what the program is made: posts and the packages of this workspace that it uses.
key() {
  local tree packages
  tree=$(cargo tree --locked --package tracklore-posts --edges normal,build --prefix none --format '{p}') || return
  mapfile -t packages < <(sed -n 's/.* (\(\/[^)]*\)).*/\1/p' <<<"$tree" | LC_ALL=C sort -u)
  content_key Cargo.toml Cargo.lock "${packages[@]}" "$patch" "$0" <(rustc --version)
}

# All that git knows or doesn't ignore, changed by the patch. Cargo compiles what has another time, so files that are as they
# were stay as they are.
copy() {
  local new=$place/new file
  rm -rf "$new"
  mkdir -p "$new" "$sources"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory "$new"
  (cd "$new" && git apply "$patch") || die "$patch doesn't apply any more: do in it what was done in services/posts."
  [ -z "$(find "$new/services/posts/migrations" -name '*.sql' -printf '%f\n' | cut -d_ -f1 | sort | uniq -d)" ] ||
    die "$patch has migrations with numbers that services/posts uses: give them later ones."
  (cd "$new" && find . -type f -print0) | while IFS= read -r -d '' file; do
    cmp -s "$new/$file" "$sources/$file" || install -D -m 644 "$new/$file" "$sources/$file"
  done
  (cd "$sources" && find . -type f -print0) | while IFS= read -r -d '' file; do
    [ -e "$new/$file" ] || rm "$sources/$file"
  done
  rm -rf "$new"
}

compile() {
  copy
  cd "$sources"
  CARGO_TARGET_DIR=$target cargo build --release --locked --package tracklore-posts
}

next() {
  local key
  key=$(key)
  mkdir -p "$place"
  if [ ! -x "$program" ] || [ "$key" != "$(cat "$place/key" 2>/dev/null)" ]; then
    rm -f "$place/key"
    STEP_HINT="Mend what the log names, in e2e/next/posts.patch or in services/posts." \
      step "Compile the next version of posts" next-compile compile
    echo "$key" >"$place/key"
  fi
  "$ROOT/e2e/scripts/build-images.sh" image posts-next "$program" | tee "$place/image"
  sed -n -i 's/^posts-next=//p' "$place/image"
  if "$ROOT/e2e/scripts/cluster.sh" status >/dev/null 2>&1; then
    "$ROOT/e2e/scripts/cluster.sh" load "$(cat "$place/image")"
  fi
}

TRACKLORE_RUN="next.sh" with_lock next >&2
cat "$place/image"
