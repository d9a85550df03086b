#!/usr/bin/env bash
# Postgres, Valkey and Kafka as containers on free ports of 127.0.0.1, without Kubernetes: for `make dev` and the integration tests.
#   deps.sh up NAME     starts what doesn't run yet and waits until it answers (NAME: test, dev, or any other)
#   deps.sh env NAME    prints KEY=value lines:  export $(e2e/scripts/deps.sh env test)
#   deps.sh down NAME   removes the containers with their data
# The data lies in memory: it lives as long as the containers. All but `test`, whose tests make their own, also get the
# databases, roles and topics of a stack.
. "$(dirname "$0")/lib.sh"
. "$ROOT/e2e/airgap/versions.sh"

PASSWORD=tracklore # the ports are open on this machine only

usage() { die "Usage: $0 up|env|down NAME, with a name of lower-case letters and digits."; }
[ $# = 2 ] || usage
name=$2
[[ $name =~ ^[a-z0-9]+$ ]] || usage
key=$(content_key "$0" <(echo "${IMAGES[@]}"))

container() { printf 'tracklore-%s-%s' "$name" "$1"; }

# The port on the host, empty when the container doesn't run or was made by another version of this script.
port_of() {
  docker inspect -f '{{if .State.Running}}{{index .Config.Labels "tracklore.key"}} {{index .Config.Labels "tracklore.port"}}{{end}}' \
    "$(container "$1")" 2>/dev/null | awk -v key="$key" '$1 == key {print $2}'
}

# Where it is reached: at its own address where that is possible (what comes to the port on the host is copied by a process of
# Docker's, which benchmarks would count), else at the port on the host.
address_of() {
  local port own
  port=$(port_of "$1")
  [ -n "$port" ] || return 0
  own=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(container "$1")"):$2
  if timeout 1 bash -c "exec 3<>/dev/tcp/${own/://}" 2>/dev/null; then echo "$own"; else echo "127.0.0.1:$port"; fi
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# run COMPONENT PORT-INSIDE IMAGE docker-options… -- command…  Port 0: the same port inside as outside, given as PORT.
run() {
  local component=$1 inside=$2 image=$3 port attempt options=()
  shift 3
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  docker rm -f "$(container "$component")" >/dev/null 2>&1 || true
  for attempt in 1 2 3; do
    port=$(free_port)
    if docker run -d --name "$(container "$component")" --label "tracklore.deps=$name" --label "tracklore.key=$key" \
      --label "tracklore.port=$port" -e "PORT=$port" -p "127.0.0.1:$port:$([ "$inside" = 0 ] && echo "$port" || echo "$inside")" \
      "${options[@]}" --entrypoint "$1" "$image" "${@:2}"; then
      return 0
    fi
    # Somebody else may have taken the port in between: another one.
    docker rm -f "$(container "$component")" >/dev/null 2>&1 || true
  done
  die "$(container "$component") doesn't start after $attempt attempts: the message above says why."
}

start_postgres() {
  local durability=on
  [ "$name" = dev ] || durability=off
  # shellcheck disable=SC2016  # expanded in the container
  run postgres 5432 "${IMAGES[postgres]}" --user 999:999 --read-only --tmpfs /data:uid=999,gid=999,mode=700 --tmpfs /tmp:uid=999,gid=999 \
    --shm-size 256m -e "PASSWORD=$PASSWORD" -e "DURABILITY=$durability" -- \
    /bin/sh -euc '
      PATH=/usr/lib/postgresql/17/bin:$PATH
      printf %s "$PASSWORD" >/tmp/password
      initdb -D /data/db -U postgres -E UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password
      echo "host all all all scram-sha-256" >>/data/db/pg_hba.conf
      exec postgres -D /data/db -c listen_addresses="*" -c unix_socket_directories=/tmp -c jit=off -c shared_buffers=64MB \
        -c max_connections=400 -c fsync=$DURABILITY -c synchronous_commit=$DURABILITY -c full_page_writes=$DURABILITY'
}

start_redis() {
  run redis 6379 "${IMAGES[valkey]}" --user 999:999 --read-only --tmpfs /data:uid=999,gid=999 -- \
    valkey-server --bind '*' --dir /data --appendonly yes --appendfsync no --save '' --maxmemory-policy noeviction --databases 4096 \
    --protected-mode no
}

start_kafka() {
  local cluster
  # Hexadecimal digits are base64, too, and none of them is a dash: tools would take an id that begins with one for an option.
  cluster=$(od -An -tx1 -N11 /dev/urandom | tr -d ' \n')
  # shellcheck disable=SC2016  # expanded in the container
  run kafka 0 "${IMAGES[kafka]}" --user 1000:1000 --tmpfs /data:uid=1000,gid=1000 --tmpfs /tmp:uid=1000,gid=1000,exec \
    -e "CLUSTER_ID=$cluster" -- \
    /bin/sh -euc '
      set -f
      echo "
      process.roles=broker,controller
      node.id=1
      controller.quorum.voters=1@127.0.0.1:9093
      listeners=CLIENT://:$PORT,CONTROLLER://127.0.0.1:9093
      advertised.listeners=CLIENT://127.0.0.1:$PORT
      listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
      inter.broker.listener.name=CLIENT
      controller.listener.names=CONTROLLER
      log.dirs=/data/kraft
      auto.create.topics.enable=false
      offsets.topic.replication.factor=1
      offsets.topic.num.partitions=1
      transaction.state.log.replication.factor=1
      transaction.state.log.min.isr=1
      transaction.state.log.num.partitions=1
      share.coordinator.state.topic.replication.factor=1
      share.coordinator.state.topic.min.isr=1
      share.coordinator.state.topic.num.partitions=1
      group.initial.rebalance.delay.ms=0
      log.cleaner.dedupe.buffer.size=16777216
      log.segment.bytes=16777216
      num.network.threads=2
      num.io.threads=2
      background.threads=2
      " >/data/server.properties
      PATH=/opt/java/openjdk/bin:$PATH
      java="java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp /opt/kafka/libs/*"
      $java -Xmx96m kafka.tools.StorageTool format -t "$CLUSTER_ID" -c /data/server.properties
      exec $java -Xms64m -Xmx320m kafka.Kafka /data/server.properties'
}

psql_in() { docker exec -i "$@" "$(container postgres)" /bin/sh -c 'PATH=/usr/lib/postgresql/17/bin:$PATH exec psql -h /tmp -U postgres -v ON_ERROR_STOP=1 -qX -f -'; }
kafka_topics() {
  # shellcheck disable=SC2016  # expanded in the container
  docker exec "$(container kafka)" /bin/sh -c 'PATH=/opt/java/openjdk/bin:$PATH
    exec java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp "/opt/kafka/libs/*" \
      org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$PORT" "$@"' sh "$@"
}

postgres_answers() { docker exec "$(container postgres)" /bin/sh -c 'PATH=/usr/lib/postgresql/17/bin:$PATH exec psql -h 127.0.0.1 -U postgres -w -c "select 1" "password='"$PASSWORD"'"'; }
redis_answers() { docker exec "$(container redis)" valkey-cli ping; }
kafka_answers() { kafka_topics --list; }

start() { # component: start it when it doesn't run, wait until it answers
  local component=$1
  if [ -z "$(port_of "$component")" ]; then "start_$component"; fi
  wait_for "$(container "$component")" 90 "${component}_answers" ||
    { docker logs --tail 20 "$(container "$component")"; die "$(container "$component") doesn't answer."; }
}

up() {
  local component pids=() starting=()
  for component in postgres redis kafka; do
    [ -n "$(port_of "$component")" ] || starting+=("$component")
  done
  for component in ${starting[@]+"${starting[@]}"}; do
    start "$component" &
    pids+=($!)
  done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid"; done
  if [ "$name" != test ]; then provision; fi
}

# What a stack's provisioning Jobs make, by the same SQL.
provision() {
  local service options=() upper
  for service in auth user posts; do
    upper=${service^^}
    options+=(-e "${upper}_PASSWORD=$PASSWORD" -e "${upper}_MIGRATION_PASSWORD=$PASSWORD")
  done
  # psql reads it from here, where it finds no file beside it
  (cd "$ROOT/operator/src/stack/build/provision" && sed -e '/^\\ir grants.sql$/{r grants.sql' -e 'd}' postgres.sql) |
    psql_in "${options[@]}"

  local present hour=3600000 day=86400000 week=604800000 wanted=() pids=() topic partitions config
  present=$(kafka_topics --list)
  wanted=(
    "user-events 3 cleanup.policy=compact" "profile-events 3 cleanup.policy=compact"
    "session-events 3 retention.ms=$hour" "posts-events 3 retention.ms=$week"
  )
  for topic in user-events.{user,posts,feed} profile-events.{posts,feed} posts-events.feed; do
    wanted+=("$topic.dlq 1 cleanup.policy=compact,delete retention.ms=$week max.compaction.lag.ms=$day")
  done
  while read -r topic partitions config; do
    grep -qxF "$topic" <<<"$present" && continue
    # shellcheck disable=SC2046,SC2086  # each setting is a word
    kafka_topics --create --if-not-exists --topic "$topic" --partitions "$partitions" $(printf -- '--config %s ' $config) </dev/null &
    pids+=($!)
  done < <(printf '%s\n' "${wanted[@]}")
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid"; done
}

env_of() {
  local postgres redis kafka
  # what Kafka says of itself is the port on the host
  postgres=$(address_of postgres 5432) redis=$(address_of redis 6379) kafka=$(port_of kafka)
  if [ -z "$postgres" ] || [ -z "$redis" ] || [ -z "$kafka" ]; then
    die "The dependencies '$name' don't run: e2e/scripts/deps.sh up $name"
  fi
  if [ "$name" != test ]; then
    echo "TRACKLORE_DEV_POSTGRES=$postgres"
    echo "TRACKLORE_DEV_PASSWORD=$PASSWORD"
    echo "TRACKLORE_DEV_REDIS_URL=redis://$redis/0"
    echo "TRACKLORE_DEV_KAFKA=127.0.0.1:$kafka"
  else
    echo "TRACKLORE_TEST_POSTGRES_URL=postgres://postgres:$PASSWORD@$postgres/postgres"
    echo "TRACKLORE_TEST_REDIS_URL=redis://$redis/0"
    echo "TRACKLORE_TEST_KAFKA=127.0.0.1:$kafka"
  fi
}

remove() { docker ps -aq --filter "label=tracklore.deps=$name" | xargs -r docker rm -f -v; }

case $1 in
  up)
    "$ROOT/e2e/airgap/docker.sh"
    needed=(postgres valkey kafka) missing=()
    # The gateway's tests start Traefik by themselves.
    [ "$name" != test ] || needed+=(traefik)
    for image in "${needed[@]}"; do
      docker image inspect "${IMAGES[$image]}" >/dev/null 2>&1 || missing+=("$image")
    done
    [ ${#missing[@]} = 0 ] || "$ROOT/e2e/airgap/images.sh" "${missing[@]}"
    # Not the lock of the long runs: tests may be started by hand beside them.
    exec 8>"$CACHE/deps-$name.lock"
    flock -w 180 8 || die "Somebody else has been starting the dependencies '$name' for 3 minutes: see $LOGS/deps-$name.log"
    step "Postgres, Valkey and Kafka for $name" "deps-$name" up
    ;;
  env) env_of ;;
  down) if docker info >/dev/null 2>&1; then step "Remove the containers of $name" "deps-$name-down" remove; fi ;;
  *) usage ;;
esac
