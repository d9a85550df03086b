#!/bin/sh
# Puts dumps into the empty databases of a new stack, each in one transaction and by the role that acts as the owner. A
# database that has been restored is left as it is, so that this can be run again; one that holds anything else, too.
MARK='Tracklore: restored'
patience=60 # afterwards the tools say what is wrong
until pg_isready --quiet || [ "$patience" = 0 ]; do
    patience=$((patience - 1))
    sleep 1
done
query() { psql --no-psqlrc --tuples-only --no-align --set=ON_ERROR_STOP=1 --command="$1"; }
restore() {
    export PGDATABASE="tracklore_$1" PGUSER="$2" PGPASSWORD="$3"
    tables=$(query "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')")
    mark=$(query "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()")
    if [ "$tables" = 0 ]; then
        query "COMMENT ON DATABASE $PGDATABASE IS '$MARK'"
        pg_restore --exit-on-error --single-transaction --no-owner --no-privileges \
            --dbname="$PGDATABASE" "/dumps/$1.dump"
        echo "$PGDATABASE is restored"
    elif [ "$mark" = "$MARK" ]; then
        echo "$PGDATABASE has been restored before"
    else
        echo "database $PGDATABASE holds the data of an earlier stack, which isn't overwritten: remove spec.restore to go on with it, or give the stack another name" >&2
        exit 1
    fi
}
restore auth "$AUTH_USERNAME" "$AUTH_PASSWORD"
restore user "$USER_USERNAME" "$USER_PASSWORD"
restore posts "$POSTS_USERNAME" "$POSTS_PASSWORD"
