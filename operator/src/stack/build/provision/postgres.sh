#!/bin/sh
# Prepares a Postgres that is there already (postgres.sql, as an administrator), or looks whether the databases that are
# given can be reached by their roles. It waits a little for a server that is just starting.
set -eu
patience=20
until pg_isready --quiet || [ "$patience" = 0 ]; do
    patience=$((patience - 1))
    sleep 1
done
if [ -n "${PGUSER:-}" ]; then
    exec psql --no-psqlrc --file=/etc/tracklore/postgres.sql
fi
for service in $SERVICES; do
    for kind in '' _MIGRATION; do
        eval "PGDATABASE=\$${service}_DATABASE PGUSER=\$${service}${kind}_USERNAME PGPASSWORD=\$${service}${kind}_PASSWORD"
        export PGDATABASE PGUSER PGPASSWORD
        psql --no-psqlrc --quiet --tuples-only --command="SELECT current_user || ' reaches ' || current_database()"
    done
done
