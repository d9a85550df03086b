#!/bin/bash
# The node's root file system from Debian packages alone, into $CACHE/node/root. Called by node.sh.
. "$(dirname "$0")/../images/root.sh"

command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring
packages=(
  systemd systemd-sysv util-linux mount kmod procps bash ca-certificates busybox-static # a machine
  conntrack iptables nftables ipset iproute2 ethtool socat containernetworking-plugins  # its network
  runc libseccomp2 pigz e2fsprogs                                                        # its containers
)
into=$CACHE/node/root
rm -rf "$CACHE/node"
mkdir -p "$into"
mmdebstrap --mode=root --variant=minbase --format=directory --include="$(IFS=,; echo "${packages[*]}")" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  "$NODE_SUITE" "$into" "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $NODE_SUITE main"
(cd "$into" && rm -rf ./var/lib/apt/lists/* ./var/cache/apt/*.bin ./var/log/* ./boot/* etc/resolv.conf etc/hostname)
: >"$into/etc/machine-id" # every node makes its own
