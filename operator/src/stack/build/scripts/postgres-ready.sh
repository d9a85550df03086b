#!/bin/sh
# Says whether Postgres is ready. Whenever its certificate was renewed, it is told to read it again: it does so only when it is told,
# and new sessions get the new one.
set -eu
pg_isready --quiet --host=/run/postgresql --username=postgres
taken=/run/postgresql/certificate
# shellcheck disable=SC3013 # the shells that images have know it
if [ /var/run/tracklore/certificate/tls.crt -nt "$taken" ]; then
    pg_ctl reload --silent -D /var/lib/postgresql/data/pgdata
    : > "$taken"
fi
