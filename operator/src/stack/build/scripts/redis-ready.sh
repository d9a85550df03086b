#!/bin/sh
# Says whether Valkey is ready. Whenever its certificate was renewed, or the feed has got another login or has lost one, it is told to
# read that again: it does so only when it is told. New connections get the new certificate; those of a user who is still there
# stay. While it can't read something, it goes on with what it has. Shell builtins only.
set -eu
# shellcheck source=redis-users.sh
. /etc/tracklore/users.sh
server() { valkey-cli -e -s "$run/valkey.sock" --user admin --no-auth-warning "$@"; }
server ping

# Whether Valkey hasn't taken this state of a Secret yet.
is_new() { line "$run/$1.taken" && [ "$line" != "$2" ]; }

folder=/var/run/tracklore/certificate
if now=$(state certificate) && is_new certificate "$now" &&
    server config set tls-cert-file "$folder/tls.crt" tls-key-file "$folder/tls.key"; then
    taken certificate "$now"
fi
if now=$(state logins) && is_new logins "$now" && write_users "$now" && server acl load; then
    taken logins "$now"
fi
