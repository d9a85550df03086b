#!/bin/sh
# Prepares a Postgres that the operator doesn't run. As an administrator it makes what is needed (postgres.sql). Without one it
# looks whether the databases that are there can be reached by their roles; where GRANT is set, nobody but their owners has
# been let in yet, and it does that before. It waits a little for a server that is just starting.
set -eu
patience=20
until pg_isready --quiet || [ "$patience" = 0 ]; do
    patience=$((patience - 1))
    sleep 1
done
if [ -n "${PGUSER:-}" ]; then
    exec psql --no-psqlrc --file=/etc/tracklore/postgres.sql
fi

use() { # SERVICE KIND  Whose login psql takes; 1 where there is none
    eval "PGDATABASE=\$${1}_DATABASE PGUSER=\${${1}${2}_USERNAME:-} PGPASSWORD=\${${1}${2}_PASSWORD:-}"
    export PGDATABASE PGUSER PGPASSWORD
    [ -n "$PGUSER" ]
}
for service in $SERVICES; do
    # While logins are replaced there are two of a kind.
    for kind in _MIGRATION _MIGRATION_2 '' _2; do
        use "$service" "$kind" || continue
        # Whoever was asked to let it in may be about to do so.
        until [ -z "${GRANT:-}" ] || psql --no-psqlrc --quiet --command='SELECT' > /tmp/let-in 2>&1 || [ "$patience" = 0 ]; do
            patience=$((patience - 1))
            sleep 1
        done
        case ${GRANT:+$kind} in
        # The role that may use the data is called like the database.
        _MIGRATION*) psql --no-psqlrc --quiet --set=runtime="$PGDATABASE" --file=/etc/tracklore/admit.sql ;;
        esac
        psql --no-psqlrc --quiet --tuples-only --command="SELECT current_user || ' reaches ' || current_database()"
    done
done
