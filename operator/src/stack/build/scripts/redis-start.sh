#!/bin/sh
# Starts Valkey with its users, and with the certificate that is there. Shell builtins only.
set -eu
# shellcheck source=redis-users.sh
. /etc/tracklore/users.sh
logins=$(state logins)
write_users "$logins"
taken logins "$logins"
taken certificate "$(state certificate)"
unset REDISCLI_AUTH
exec valkey-server /etc/tracklore/valkey.conf
