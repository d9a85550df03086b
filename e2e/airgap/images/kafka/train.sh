#!/bin/sh
# Runs inside the image: starts a broker, uses the tools that provisioning uses, and leaves in /out the classes each loaded.
# There are no coreutils in the image: builtins only.
set -euf
train() { # name of the list, class, arguments
  list=$1
  shift
  java -XX:DumpLoadedClassList="/out/$list.lst" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' "$@"
}
tool() { # name of the list, class, arguments
  train "$@" --bootstrap-server 127.0.0.1:9092 --command-config /tmp/admin.properties
}
printf '%s\n' security.protocol=SASL_PLAINTEXT sasl.mechanism=SCRAM-SHA-512 \
  'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="admin" password="training";' \
  >/tmp/admin.properties

train format kafka.tools.StorageTool format -t JqSahZfyTJuE8Z1gp4kxhw -c /train/train.properties \
  --add-scram 'SCRAM-SHA-512=[name=admin,password=training]'
java -XX:DumpLoadedClassList=/out/broker.lst -XX:+UseSerialGC -Xmx256m -cp '/opt/kafka/libs/*' \
  -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.yaml kafka.Kafka /train/train.properties &
broker=$!
tool topics org.apache.kafka.tools.TopicCommand --create --if-not-exists --topic t --partitions 1 --config retention.ms=3600000
tool topics-list org.apache.kafka.tools.TopicCommand --describe
tool configs kafka.admin.ConfigCommand --alter --entity-type topics --entity-name t --add-config retention.ms=7200000
tool users kafka.admin.ConfigCommand --alter --entity-type users --entity-name auth \
  --add-config 'SCRAM-SHA-512=[password=training]'
tool acls org.apache.kafka.tools.AclCommand --add --allow-principal User:auth --operation Read --topic t
tool acls-list org.apache.kafka.tools.AclCommand --list
kill "$broker"
wait "$broker" || true
