#!/bin/sh
# Who may use Valkey: what start.sh begins with and ready.sh keeps up to date. Shell builtins only. Users are written to a memory
# volume, so that no password is an argument.
run=/run/valkey

# Which state of a mounted Secret is there now: the kubelet puts each into a folder of its own, and takes away the one before.
state() { (cd -P "/var/run/tracklore/$1/..data" && printf '%s\n' "$PWD"); }

# The first line of a file, which may be its last.
line() {
    line=
    IFS= read -r line < "$1" || [ -n "$line" ]
}

# Writes the users: the administrator, and the feed by each login of this state of its Secret. 1 where that is gone meanwhile.
write_users() {
    umask 077
    user=
    {
        # Nobody logs in by this name. But in it Valkey reads its file again when it starts, and what the name may not do is
        # left out then: transactions, and all that functions have written (valkey issue 3983).
        echo 'user default off resetpass ~* &* +@all'
        printf 'user admin on >%s ~* &* +@all\n' "$REDISCLI_AUTH"
        for turn in '' -2; do
            [ -e "$1/username$turn" ] || continue
            line "$1/username$turn" || return
            user=$line
            line "$1/password$turn" || return
            # The feed reads and writes its own keys, runs its functions, and may do nothing to the server.
            printf 'user %s on >%s ~feed:* resetchannels &feed:* -@all +@read +@write +@connection +@transaction +@pubsub +@scripting -@dangerous -@admin +info +time +wait\n' \
                "$user" "$line"
        done
    } > "$run/users.acl"
    [ -n "$user" ]
}

# Remembers which state of a Secret Valkey has taken.
taken() { printf '%s\n' "$2" > "$run/$1.taken"; }
