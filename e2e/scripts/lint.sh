#!/usr/bin/env bash
# Format, lints, dependencies (licences, duplicates, sources, known holes) and shell scripts: what needs no test to be seen.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

DENY_VERSION=0.20.2
deny_home=$CACHE/cargo-deny-$DENY_VERSION

# It runs for seconds and is built once: a quick build beats a quick program.
install_deny() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_TARGET_DIR="$CACHE/cargo-deny-build" cargo install cargo-deny --version "$DENY_VERSION" --locked --root "$deny_home"
  rm -rf "$CACHE/cargo-deny-build"
}
deny() { "$deny_home/bin/cargo-deny" --workspace check --hide-inclusion-graph "$@"; }
advisories_reachable() { curl -sf -m 8 -o /dev/null 'https://github.com/rustsec/advisory-db/info/refs?service=git-upload-pack'; }
shell_scripts() { git ls-files -z -c -o --exclude-standard '*.sh' .ci/run | xargs -0 shellcheck; }

STEP_HINT="Format the sources: cargo fmt" step "Format" lint-fmt cargo fmt --all --check
step "Lints" lint-clippy cargo clippy --locked --workspace --all-targets -- -D warnings
[ -x "$deny_home/bin/cargo-deny" ] || step "Build cargo-deny $DENY_VERSION (once, some minutes)" cargo-deny install_deny
STEP_HINT="Choose another dependency, or write the exception with its reason into deny.toml." \
  step "Dependencies: licences, duplicates, sources" lint-deny deny bans licenses sources
if advisories_reachable; then
  step "Dependencies: known holes" lint-advisories deny advisories
else
  say "  Dependencies: known holes skipped, the advisory database can't be reached from here."
fi
step "Shell scripts" lint-shell shell_scripts
STEP_HINT="Mend the links, or the headings they name." step "Links in the documents" lint-links e2e/scripts/links.py
STEP_HINT="Name tests that exist in docs/security/asvs.md." step "Tests named in the ASVS table" lint-asvs e2e/scripts/asvs.py
step "What the scripts share" lint-selftest e2e/scripts/selftest.sh
tail -n 1 "$LOGS/lint-selftest.log"
