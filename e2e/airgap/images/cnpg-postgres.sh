#!/bin/bash
# Postgres as CloudNativePG runs it: the image of postgres.sh for uid 26. Its programs come from that image's layers, which
# the cluster has already. It ends by the signal that the instance manager knows, not by Postgres's own.
. "$(dirname "$0")/root.sh"
"$here/../images.sh" postgres
mkdir -p "$root/etc"
users postgres:26
sed -i 's#^\(postgres:.*\):/nonexistent:#\1:/var/lib/postgresql:#' "$root/etc/passwd"
install -d -o 26 -g 26 -m 0700 "$root"/var/lib/postgresql{,/data}
install -d -o 26 -g 26 -m 2775 "$root/run/postgresql"
mkdir "$work/context"
tar -C "$root" --numeric-owner -cf "$work/context/root.tar" .
cat >"$work/context/Dockerfile" <<D
FROM ${IMAGES[postgres]}
ADD root.tar /
USER 26:26
STOPSIGNAL SIGTERM
D
build_image "$work/context"
