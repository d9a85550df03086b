#!/bin/sh
# Says whether Valkey is ready. Whenever its certificate was renewed, it is told to read it again: it does so only when it is told,
# and new connections get the new one. While it can't read it, it goes on with the one before. Shell builtins only.
set -eu
server() { valkey-cli -e -s /run/valkey/valkey.sock --user admin --no-auth-warning "$@"; }
server ping
folder=/var/run/tracklore/certificate
taken=/run/valkey/certificate
# shellcheck disable=SC3013 # the shells that images have know it
if [ "$folder/tls.crt" -nt "$taken" ] &&
    server config set tls-cert-file "$folder/tls.crt" tls-key-file "$folder/tls.key"; then
    : > "$taken"
fi
