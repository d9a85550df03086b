#!/bin/sh
# Makes Kafka what topics, acls and the users' passwords say, with Kafka's own tools. Shell builtins only.
#
# Running it again changes nothing that is right already. A tool is a JVM of its own and takes a second or more, so
# topics are compared first, two tools run at a time, and they share an archive of their classes.
set -euf
umask 077
run=/run/kafka
config=/etc/tracklore

printf '%s\n' \
    'security.protocol=SASL_PLAINTEXT' \
    'sasl.mechanism=SCRAM-SHA-512' \
    "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"$ADMIN_PASSWORD\";" \
    > "$run/admin.properties"

tool() {
    class=$1
    shift
    java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xlog:disable -Xlog:all=error:stderr \
        -XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=/tmp/tools.jsa \
        -Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml -cp '/opt/kafka/libs/*' \
        "$class" --bootstrap-server "$BOOTSTRAP" --command-config "$run/admin.properties" "$@"
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
topic --describe --exclude-internal > "$run/described"
while IFS='	' read -r name id partitions _ settings; do
    # Lines of single partitions begin alike but carry no id.
    case $id in 'TopicId: '*) printf '%s %s ,%s,\n' "${name#Topic: }" "${partitions#PartitionCount: }" "${settings#Configs: }" ;; esac
done < "$run/described" > "$run/present"

while read -r name partitions replicas settings; do
    found=
    while read -r there has values; do
        [ "$there" != "$name" ] || { found=$has; holds=$values; }
    done < "$run/present"
    if [ -z "$found" ]; then
        flags=
        for setting in $settings; do flags="$flags --config $setting"; done
        echo "topic $name: create"
        # shellcheck disable=SC2086 # the flags are words of their own
        beside topic --create --if-not-exists --topic "$name" --partitions "$partitions" --replication-factor "$replicas" $flags
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

for user in $USERS; do
    password=
    eval "password=\$PASSWORD_$user"
    printf 'SCRAM-SHA-512=iterations=8192,password=%s\n' "$password" > "$run/$user.scram"
    echo "user $user"
    beside configure --entity-type users --entity-name "$user" --add-config-file "$run/$user.scram"
done

# Each line is one command: principals, operations and resources multiply.
while IFS= read -r line; do
    echo "acl $line"
    # shellcheck disable=SC2086
    beside acl --add --force $line
done < "$config/acls"
settle
echo "done"
