#!/bin/bash
# The services' base image: glibc, what librdkafka links, certificates; no shell, no package manager.
. "$(dirname "$0")/root.sh"
unpack "$root" base-files netbase libc6 libgcc-s1 libssl3t64 zlib1g libzstd1 ca-certificates tzdata
rm -f "$root/usr/sbin/update-ca-certificates"
certificates
users nonroot:65532
ldconfig -r "$root"
all_libraries_there /usr/lib/x86_64-linux-gnu/lib{ssl.so.3,crypto.so.3,z.so.1,zstd.so.1,gcc_s.so.1}
pack <<'D'
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
D
