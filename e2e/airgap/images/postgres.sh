#!/bin/bash
# PostgreSQL 17 from Debian, uid 999, without LLVM (the operator switches jit off) and without Perl.
. "$(dirname "$0")/root.sh"
unpack "$root" base-files netbase tzdata dash coreutils libc6 libc-bin libgcc-s1 libstdc++6 \
  postgresql-17 postgresql-client-17 libpq5 libicu76 libldap2 libsasl2-2 liblz4-1 libzstd1 zlib1g libssl3t64 \
  libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libpam0g libaudit1 libcap-ng0 \
  libsystemd0 libcap2 libuuid1 libxml2 liblzma5 libxslt1.1 libreadline8t64 libtinfo6 libacl1 libattr1 libselinux1 \
  libpcre2-8-0 libgmp10 libnuma1 libxxhash0
rm -rf "$root"/usr/lib/postgresql/17/lib/{bitcode,llvmjit*,pgxs} "$root"/usr/share/{icu,postgresql-common} \
  "$root"/etc/{init.d,cron*,logrotate.d,default}
ln -sf dash "$root/usr/bin/sh"
users postgres:999
sed -i 's#^\(postgres:.*\):/nonexistent:#\1:/var/lib/postgresql:#' "$root/etc/passwd"
install -d -o 999 -g 999 -m 0700 "$root"/var/lib/postgresql{,/data}
install -d -o 999 -g 999 -m 2775 "$root/run/postgresql"
ln -sfn /run "$root/var/run"
ldconfig -r "$root"
mapfile -t programs < <(cd "$root" && printf '/%s\n' usr/lib/postgresql/17/{bin/{postgres,psql,initdb,pg_dump,pg_basebackup},lib/*.so})
all_libraries_there "${programs[@]}"
pack <<'D'
ENV PATH=/usr/lib/postgresql/17/bin:/usr/bin LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data
USER 999:999
STOPSIGNAL SIGINT
CMD ["postgres"]
D
