#!/bin/sh
# Makes Kafka what topics, acls and the users' passwords say, with Kafka's own tools. Shell builtins only.
# MAKE names what is made; where it is nothing, every user looks whether its topics are there.
# USERS are called after their services. While a login of a service is replaced it has a second one, auth_2 beside auth; those
# whose turn it isn't are RESTING: auth=name.
#
# Running it again changes nothing that is right already. A tool is a JVM of its own and takes a second or more, so
# topics are compared first, two tools run at a time, and they share an archive of their classes: the image's, or one that the
# first of them leaves.
set -euf
umask 077
run=/run/kafka
config=/etc/tracklore

: "${MAKE=topics users acls}" "${MECHANISM:=SCRAM-SHA-512}" "${ADMIN_USERNAME:=admin}"

# What stands in quotes of a JAAS configuration, which itself is the value of a property.
quoted() {
    rest=$1
    text=
    while [ -n "$rest" ]; do
        tail=${rest#?}
        letter=${rest%"$tail"}
        rest=$tail
        # shellcheck disable=SC1003 # one backslash becomes four
        case $letter in
        '"') text=$text'\\"' ;;
        \\) text=$text'\\\\' ;;
        *) text=$text$letter ;;
        esac
    done
    printf '"%s"' "$text"
}

# How to connect, as a user with a password.
settings() {
    echo "security.protocol=$PROTOCOL"
    case $MECHANISM in PLAIN) module=plain.Plain ;; *) module=scram.Scram ;; esac
    case $PROTOCOL in SASL_*)
        printf '%s\n' "sasl.mechanism=$MECHANISM" \
            "sasl.jaas.config=org.apache.kafka.common.security.${module}LoginModule required username=$(quoted "$1") password=$(quoted "$2");"
        ;;
    esac
    if [ -n "${AUTHORITY:-}" ]; then
        printf '%s\n' 'ssl.truststore.type=PEM' "ssl.truststore.location=$AUTHORITY"
    fi
}
settings "$ADMIN_USERNAME" "${ADMIN_PASSWORD:-}" > "$run/admin.properties"
as="admin"

has() { case " $MAKE " in *" $1 "*) ;; *) return 1 ;; esac; }
# The value of a variable that is called after a user.
of() { eval "printf '%s' \"\${$1_$2}\""; }

archive='-XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=/tmp/tools.jsa'
[ ! -e /opt/kafka/classes.jsa ] || archive=
tool() {
    class=$1
    shift
    # shellcheck disable=SC2086 # two words, or none
    java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xlog:disable -Xlog:all=error:stderr $archive \
        -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml -cp '/opt/kafka/libs/*' \
        "$class" --bootstrap-server "$BOOTSTRAP" --command-config "$run/$as.properties" "$@"
}
topic() { tool org.apache.kafka.tools.TopicCommand "$@"; }
acl() { tool org.apache.kafka.tools.AclCommand "$@"; }
configure() { tool kafka.admin.ConfigCommand --alter "$@"; }

# Runs a command beside the one before it; the last one that was started is awaited first.
before=
beside() {
    count=$((count + 1))
    "$@" > "$run/out.$count" 2>&1 &
    started=$!
    if [ -n "$before" ]; then await "$before" "$awaited"; fi
    before=$started
    awaited=$count
}
await() {
    status=0
    wait "$1" || status=$?
    if [ "$status" != 0 ]; then
        while IFS= read -r line; do printf '%s\n' "$line" >&2; done < "$run/out.$2"
        exit "$status"
    fi
}
count=0
settle() {
    if [ -n "$before" ]; then await "$before" "$awaited"; fi
    before=
}

# What there is: "<name> <partitions> <settings>" per topic.
describe() {
    topic --describe --exclude-internal > "$run/described" 2> "$run/wrong" || explain "$1"
    while IFS='	' read -r name id partitions _ settings; do
        # Lines of single partitions begin alike but carry no id.
        case $id in 'TopicId: '*) printf '%s %s ,%s,\n' "${name#Topic: }" "${partitions#PartitionCount: }" "${settings#Configs: }" ;; esac
    done < "$run/described" > "$run/present"
}
# What a user sees, a name per topic. To describe them takes a right that no service needs.
list() {
    topic --list --exclude-internal > "$run/present" 2> "$run/wrong" || explain "$1"
}
# Ends with a sentence that holds the tool's own.
explain() {
    said=
    while IFS= read -r line; do
        printf '%s\n' "$line" >&2
        case $line in *Exception:*) [ -n "$said" ] || said=${line##*Exception:} ;; esac
    done < "$run/wrong"
    echo "error: Kafka at $BOOTSTRAP can't be used as $1:${said:- see above}" >&2
    exit 1
}

if [ -z "$MAKE" ]; then
    for login in $USERS; do
        user=$(of USERNAME "$login")
        settings "$user" "$(of PASSWORD "$login")" > "$run/$login.properties"
        as=$login
        list "$user"
        while read -r service words; do
            [ "$service" = "${login%_2}" ] || continue
            topics=
            for word in $words; do
                case $topics$word in
                --topic) topics=next ;;
                next*)
                    topics=
                    found=
                    while read -r there _; do [ "$there" != "$word" ] || found=yes; done < "$run/present"
                    if [ -z "$found" ]; then
                        echo "error: topic $word isn't there, or user $user may not use it; make it, or allow the user to read or write it" >&2
                        exit 1
                    fi
                    ;;
                esac
            done
        done < "$config/acls"
        echo "user $user finds its topics"
    done
    exit 0
fi

describe "$ADMIN_USERNAME"

while read -r name partitions replicas settings; do
    found=
    while read -r there has values; do
        [ "$there" != "$name" ] || { found=$has; holds=$values; }
    done < "$run/present"
    if [ -z "$found" ]; then
        flags=
        for setting in $settings; do flags="$flags --config $setting"; done
        echo "topic $name: create"
        [ "$replicas" = - ] || flags="$flags --replication-factor $replicas"
        # shellcheck disable=SC2086 # the flags are words of their own
        beside topic --create --if-not-exists --topic "$name" --partitions "$partitions" $flags
        continue
    fi
    if [ "$found" -lt "$partitions" ]; then
        echo "topic $name: $found to $partitions partitions"
        beside topic --alter --topic "$name" --partitions "$partitions"
    fi
    changed=
    for setting in $settings; do
        case $holds in *",$setting,"*) ;; *) changed="${changed:+$changed,}${setting%%=*}=[${setting#*=}]" ;; esac
    done
    if [ -n "$changed" ]; then
        echo "topic $name: $changed"
        beside configure --entity-type topics --entity-name "$name" --add-config "$changed"
    fi
done < "$config/topics"

if has users; then
    for login in $USERS; do
        user=$(of USERNAME "$login")
        printf '%s=iterations=8192,password=%s\n' "$MECHANISM" "$(of PASSWORD "$login")" > "$run/$login.scram"
        echo "user $user"
        beside configure --entity-type users --entity-name "$user" --add-config-file "$run/$login.scram"
    done
fi

# Each line is one command, after the service: users, operations and resources multiply.
if has acls; then
    while read -r service line; do
        set --
        for login in $USERS; do
            [ "$service" != "${login%_2}" ] || set -- "$@" --allow-principal "User:$(of USERNAME "$login")"
        done
        echo "acl $* $line"
        # shellcheck disable=SC2086 # words of their own
        beside acl --add --force "$@" $line
    done < "$config/acls"
fi
settle

# Users whose turn it isn't may be left from an earlier one. They get the password of the other one, and lose their rights: rights
# that are there say that something is left. They stay, because a broker of Kafka 4.3 that starts after a user was taken away may
# forget all users (ScramDelta drops its map when it meets the removal first).
if [ -n "${RESTING:-}" ]; then
    acl --list > "$run/rights" 2> "$run/wrong" || explain "$ADMIN_USERNAME"
    for pair in $RESTING; do
        service=${pair%%=*}
        user=${pair#*=}
        found=
        while read -r line; do
            case $line in *"principal=User:$user,"*) found=yes ;; esac
        done < "$run/rights"
        [ -n "$found" ] || continue
        echo "user $user: rests"
        for login in $USERS; do
            [ "$service" = "${login%_2}" ] || continue
            configure --entity-type users --entity-name "$user" --add-config-file "$run/$login.scram"
        done
        while read -r whose line; do
            # shellcheck disable=SC2086
            [ "$service" != "$whose" ] || beside acl --remove --force --allow-principal "User:$user" $line
        done < "$config/acls"
        settle
    done
fi
echo "done"
