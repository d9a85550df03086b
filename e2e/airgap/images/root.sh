# shellcheck shell=bash
# What the image recipes share: a root file system from exactly the named Debian packages, and an image from that.
# Sourced by the recipes; needs root and apt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../../scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=../versions.sh
. "$here/../versions.sh"

work=$(mktemp -d /var/tmp/tracklore-image.XXXXXX)
cleanup() {
  local mounted
  for mounted in "$work"/*/proc; do if mountpoint -q "$mounted"; then umount "$mounted"; fi; done
  rm -rf "$work"
}
trap cleanup EXIT
root=$work/root

# apt with lists and settings of its own, so that the machine's sources play no part; the archive's signature counts.
apt=$CACHE/apt/$DEBIAN_SUITE
apt_options=(
  -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o Dir::State="$apt/state" -o Dir::State::status="$apt/state/status" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root
)
debian_mirror() { # the machine's own when it is a Debian: it is the one that answers
  local own
  own=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    grep -v snapshot | head -1 || true)
  echo "${own:-http://deb.debian.org/debian}"
}
apt_ready() {
  mkdir -p "$apt"/{state/lists/partial,cache/archives/partial}
  : >"$apt/state/status"
  echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $DEBIAN_SUITE main" >"$apt/sources.list"
  [ -n "$(find "$apt/state/lists" -name '*_Packages*' -mmin -600)" ] || apt-get "${apt_options[@]}" -qq update
}

# unpack FOLDER PACKAGE…  The packages' files, no dependencies, no maintainer scripts, no documentation.
unpack() {
  local into=$1 folder debs deb
  shift
  apt_ready
  mkdir -p "$into"/usr/{bin,sbin,lib,lib64} "$into"/{tmp,run,proc,sys,dev,etc,var/tmp,home,root}
  for folder in bin sbin lib lib64; do [ -e "$into/$folder" ] || ln -s "usr/$folder" "$into/$folder"; done
  chmod 1777 "$into/tmp" "$into/var/tmp"
  debs=$(mktemp -d "$work/debs.XXXXXX")
  (cd "$debs" && apt-get "${apt_options[@]}" -qq download "$@")
  for deb in "$debs"/*.deb; do
    echo "${deb##*/}"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$into" --keep-directory-symlink \
      --exclude='./usr/share/'{doc,man,locale,lintian,info,bug,common-licenses,gdb,gcc,i18n} --exclude='./usr/lib/systemd' \
      --exclude='./usr/lib/x86_64-linux-gnu/'{gconv,audit} --exclude='./usr/share/zoneinfo/right'
  done
  rm -rf "$debs"
}

# users NAME:UID…  passwd, group and nsswitch.conf.
users() {
  local user name id
  echo 'root:x:0:0:root:/root:/sbin/nologin' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  for user in "$@" nobody:65534; do
    name=${user%%:*} id=${user##*:}
    echo "$name:x:$id:$id:$name:/nonexistent:/sbin/nologin" >>"$root/etc/passwd"
    echo "$name:x:$id:" >>"$root/etc/group"
  done
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
}

# certificates  One bundle of what ca-certificates unpacked: its maintainer script would do the same.
certificates() {
  mkdir -p "$root/etc/ssl/certs"
  find "$root/usr/share/ca-certificates" -name '*.crt' | LC_ALL=C sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$root/usr/share/ca-certificates"
}

# all_libraries_there FILE…  Asks the image's own loader about each program and library (paths inside the root).
all_libraries_there() {
  local file missing=0
  for file in "$@"; do
    if chroot "$root" /lib64/ld-linux-x86-64.so.2 --list "$file" 2>&1 | grep -E 'not found|cannot open'; then
      echo "$file lacks a library" >&2
      missing=1
    fi
  done
  return "$missing"
}

# pack  The root as the image $IMAGE, finished by the Dockerfile lines on standard input. $KEY tells later runs what it was made of.
pack() {
  tar -C "$root" --numeric-owner -cf "$work/root.tar" .
  mkdir "$work/context"
  mv "$work/root.tar" "$work/context/"
  { printf 'FROM scratch\nADD root.tar /\n'; cat; } >"$work/context/Dockerfile"
  build_image "$work/context"
}
build_image() { # a folder with a Dockerfile
  docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
  docker build --quiet --label "tracklore.key=${KEY:?}" --tag "${IMAGE:?}" "$1"
}
