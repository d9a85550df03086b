#!/bin/sh
# A dump of each database of the stack, by the role that acts as its owner. That of auth is the last one: accounts that the
# others don't know yet are told to them again, while a profile or a post of an account that isn't there would stay without one.
umask 077
# A network that enforces policies learns of a new pod a moment after its start.
patience=60 # afterwards the tools say what is wrong
until pg_isready --quiet || [ "$patience" = 0 ]; do
    patience=$((patience - 1))
    sleep 1
done
dump() {
    PGUSER=$2 PGPASSWORD=$3 pg_dump --format=custom --no-owner --no-privileges \
        --dbname="tracklore_$1" --file="/dumps/$1.dump"
}
dump posts "$POSTS_USERNAME" "$POSTS_PASSWORD"
dump user "$USER_USERNAME" "$USER_PASSWORD"
dump auth "$AUTH_USERNAME" "$AUTH_PASSWORD"
