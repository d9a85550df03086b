#!/bin/sh
# Starts one Kafka node. Shell builtins only: the image may hold nothing else.
#
# Passwords come from the environment and end in files on a memory volume that only this user can read,
# never in arguments, where every process of the node could see them.
# The container runtime sets HOSTNAME.
# shellcheck disable=SC3028
set -euf
umask 077
run=/run/kafka
data=/var/lib/kafka/data
node=${HOSTNAME##*-}

# One node talks to itself; several find one another by the names of their pods.
if [ "$NODES" = 1 ]; then
    peers=127.0.0.1
    voters="0@127.0.0.1:9093"
else
    peers=$HOSTNAME.$NODES_HOST
    voters=
    n=0
    while [ "$n" -lt "$NODES" ]; do
        voters="${voters:+$voters,}$n@${HOSTNAME%-*}-$n.$NODES_HOST:9093"
        n=$((n + 1))
    done
fi

copy() { while IFS= read -r line; do printf '%s\n' "$line"; done < "$1"; }
# The key and its certificate, in one file as Kafka wants them.
{
    copy /var/run/tracklore/certificate/tls.key
    copy /var/run/tracklore/certificate/tls.crt
} > "$run/certificate.pem"

plain="org.apache.kafka.common.security.plain.PlainLoginModule required username=\"kafka\" password=\"$CONTROLLER_PASSWORD\" user_kafka=\"$CONTROLLER_PASSWORD\";"
{
    copy /etc/tracklore/server.properties
    printf '%s\n' \
        "node.id=$node" \
        "log.dirs=$data" \
        "controller.quorum.voters=$voters" \
        "listeners=CLIENT://:9092,INTERNAL://:9094,CONTROLLER://:9093" \
        "ssl.keystore.location=$run/certificate.pem" \
        "ssl.truststore.location=$AUTHORITY" \
        "advertised.listeners=CLIENT://$HOSTNAME.$NODES_HOST:9092,INTERNAL://$peers:9094" \
        "listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;" \
        "listener.name.internal.plain.sasl.jaas.config=$plain" \
        "listener.name.controller.plain.sasl.jaas.config=$plain"
} > "$run/server.properties"

java="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Dlog4j2.configurationFile=/etc/tracklore/log4j2.yaml"
if ! [ -s "$data/meta.properties" ]; then
    printf '%s\n' "-Xmx96m $java -cp \"/opt/kafka/libs/*\" kafka.tools.StorageTool format --ignore-formatted" \
        "--cluster-id $CLUSTER_ID --config $run/server.properties" \
        "--add-scram \"SCRAM-SHA-512=[name=admin,iterations=8192,password=$ADMIN_PASSWORD]\"" > "$run/format.args"
    # What it prints holds the hashed password; errors go elsewhere.
    java "@$run/format.args" > /dev/null
    : > "$run/format.args"
fi
unset CONTROLLER_PASSWORD ADMIN_PASSWORD plain
# shellcheck disable=SC2086 # the flags are words of their own
exec java -Xms64m "-Xmx$HEAP" $java -cp '/opt/kafka/libs/*' kafka.Kafka "$run/server.properties"
