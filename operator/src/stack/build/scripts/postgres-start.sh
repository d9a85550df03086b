#!/bin/sh
# Starts Postgres, and makes its data directory when there is none.
set -eu
data=/var/lib/postgresql/data/pgdata
if ! [ -s "$data/PG_VERSION" ]; then
    # Made beside and moved at the end: one that was interrupted is never taken for a finished one.
    rm -rf "$data.new"
    umask 077
    printf '%s\n' "$POSTGRES_PASSWORD" > /tmp/password
    initdb --pgdata="$data.new" --username=postgres --pwfile=/tmp/password --encoding=UTF8 \
        --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8 \
        --auth-local=peer --auth-host=scram-sha-256 --data-checksums
    rm /tmp/password
    mv "$data.new" "$data"
fi
unset POSTGRES_PASSWORD
# The certificate that Postgres begins with.
: > /run/postgresql/certificate
exec postgres -D "$data" -c config_file=/etc/tracklore/postgresql.conf -c hba_file=/etc/tracklore/pg_hba.conf
