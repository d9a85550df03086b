#!/usr/bin/env bash
# What a release is made of, from this working tree, in $CACHE/release/<version>: images as archives under the names that the
# operator's table has for them, the chart, the CRD, the plugin, lists of the images and of what is in each program, and checksums.
. "$(dirname "$0")/lib.sh"
cd "$ROOT"
scripts=$ROOT/e2e/scripts

CYCLONEDX_VERSION=0.5.9
cyclonedx_home=$CACHE/cargo-cyclonedx-$CYCLONEDX_VERSION
programs=(operator auth user posts feed backup)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
folder=$CACHE/release/$version

install_cyclonedx() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_TARGET_DIR="$CACHE/cargo-cyclonedx-build" \
    cargo install cargo-cyclonedx --version "$CYCLONEDX_VERSION" --locked --root "$cyclonedx_home"
  rm -rf "$CACHE/cargo-cyclonedx-build"
}

# docker load gives an image back under this name, whatever registry it is pushed to then.
archives() {
  local name image
  for name in "${programs[@]}"; do
    image=$(sed -n "s/^TRACKLORE_IMAGE_${name^^}=//p" "$CACHE/images/services.env")
    docker tag "$image" "ghcr.io/tracklore/$name:$version"
    docker save "ghcr.io/tracklore/$name:$version" | gzip -n >"$folder/image-$name-$version.tar.gz"
    docker rmi "ghcr.io/tracklore/$name:$version" >/dev/null
  done
}
chart() {
  helm package charts/tracklore-operator --destination "$folder"
  cp crds/tracklorestacks.tracklore.io.yaml "$folder/"
}
# With the packages of the images, as those are built: alone it would choose other features, and compile all dependencies again.
plugin() {
  cargo build --profile dist --locked "${programs[@]/#/-ptracklore-}" -p tracklore-plugin
  tar -C "$CARGO_TARGET_DIR/dist" -czf "$folder/kubectl-tracklore-$version-linux-$(uname -m).tar.gz" kubectl-tracklore
}
images() {
  docker run --rm --network none "$(sed -n 's/^TRACKLORE_IMAGE_OPERATOR=//p' "$CACHE/images/services.env")" \
    images --version "$version" >"$folder/images.txt"
}
# CycloneDX writes beside each package's manifest: from a copy of what is checked in, so that nothing is left here.
bills() {
  local copy name
  copy=$(mktemp -d)
  git ls-files -z -c -o --exclude-standard | xargs -0 cp --parents -t "$copy"
  (cd "$copy" && "$cyclonedx_home/bin/cargo-cyclonedx" cyclonedx --format json --spec-version 1.5)
  for name in "${programs[@]}"; do
    find "$copy" -name "tracklore-$name.cdx.json" -exec cp {} "$folder/sbom-$name-$version.cdx.json" \;
    [ -s "$folder/sbom-$name-$version.cdx.json" ]
  done
  rm -rf "$copy"
}
checksums() { (cd "$folder" && sha256sum -- * >SHA256SUMS); }

release() {
  "$scripts/prerequisites.sh"
  "$ROOT/e2e/airgap/docker.sh"
  TRACKLORE_BUILD_PROFILE=dist "$scripts/build-images.sh" build
  rm -rf "$folder"
  mkdir -p "$folder"
  [ -x "$cyclonedx_home/bin/cargo-cyclonedx" ] || step "Build cargo-cyclonedx $CYCLONEDX_VERSION (once, some minutes)" cargo-cyclonedx install_cyclonedx
  step "Images" release-images archives
  step "The list of images" release-list images
  step "Chart and CRD" release-chart chart
  step "kubectl tracklore" release-plugin plugin
  step "What is in each program (CycloneDX)" release-bills bills
  step "Checksums" release-sums checksums
  du -h --apparent-size "$folder"/*
}
TRACKLORE_RUN="make release" with_lock release
