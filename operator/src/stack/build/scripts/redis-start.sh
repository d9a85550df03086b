#!/bin/sh
# Starts Valkey. Shell builtins only. Its users are written to a memory volume, so that no password is an argument.
set -eu
umask 077
{
    echo 'user default off'
    printf 'user admin on >%s ~* &* +@all\n' "$ADMIN_PASSWORD"
    # The feed reads and writes its own keys, runs its functions, and may do nothing to the server.
    printf 'user feed on >%s ~feed:* resetchannels &feed:* -@all +@read +@write +@connection +@transaction +@pubsub +@scripting -@dangerous -@admin +info +time +wait\n' "$FEED_PASSWORD"
} > /run/valkey/users.acl
unset ADMIN_PASSWORD FEED_PASSWORD
# The certificate that Valkey begins with.
: > /run/valkey/certificate
exec valkey-server /etc/tracklore/valkey.conf
