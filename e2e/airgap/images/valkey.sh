#!/bin/bash
# Valkey from Debian, uid 999; a shell for start scripts, no coreutils.
. "$(dirname "$0")/root.sh"
unpack "$root" base-files netbase dash libc6 libgcc-s1 libstdc++6 libatomic1 libssl3t64 zlib1g libzstd1 liblzma5 liblz4-1 \
  libsystemd0 libcap2 libjemalloc2 liblua5.1-0 liblzf1 valkey-server valkey-tools
rm -rf "$root"/etc/{init.d,logrotate.d,default,valkey}
ln -sf dash "$root/usr/bin/sh"
users valkey:999
install -d -o 999 -g 999 "$root/data"
ldconfig -r "$root"
all_libraries_there /usr/bin/valkey-server /usr/bin/valkey-cli
pack <<'D'
ENV PATH=/usr/bin
WORKDIR /data
USER 999:999
CMD ["valkey-server"]
D
