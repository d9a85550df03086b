#!/bin/bash
# Traefik, built by programs.sh: one static program and the certificates, uid 65532, no shell.
. "$(dirname "$0")/root.sh"
"$here/../programs.sh" traefik
unpack "$root" base-files netbase tzdata ca-certificates
rm -f "$root/usr/sbin/update-ca-certificates"
certificates
users nonroot:65532
install -m 755 "$CACHE/programs/traefik" "$root/usr/bin/traefik"
pack <<'D'
ENV PATH=/usr/bin
USER 65532:65532
ENTRYPOINT ["traefik"]
D
