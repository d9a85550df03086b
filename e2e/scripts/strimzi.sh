#!/usr/bin/env bash
# The CRDs of Strimzi's Kafka, KafkaTopic and KafkaUser, as its own generator makes them from its own classes:
#   strimzi.sh crds     prints the file they are in
. "$(dirname "$0")/lib.sh"
# shellcheck source=../airgap/versions.sh
. "$ROOT/e2e/airgap/versions.sh"
[ "${1:-}" = crds ] || die "strimzi.sh has one command: strimzi.sh crds."
pom=$ROOT/e2e/strimzi/pom.xml
crds=$CACHE/strimzi/crds-$(content_key "$pom" "$0").yaml

generate() {
  have mvn || die "Strimzi's CRDs need Maven for its jars: apt-get install maven, and try again."
  # The generator needs a younger Java than many machines have; Kafka's image holds one.
  local java=${IMAGES[kafka]} kind classes=()
  docker image inspect "$java" >/dev/null 2>&1 || "$ROOT/e2e/airgap/images.sh" kafka
  for kind in kafka.Kafka topic.KafkaTopic user.KafkaUser; do
    classes+=("io.strimzi.api.kafka.model.$kind=/crds/${kind#*.}.yaml")
  done
  mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$work/jars" ||
    die "Strimzi's jars can't be had: check that Maven reaches its repository, and try again."
  # The options of the generator are those that Strimzi's own build gives it.
  docker run --rm --network none --hostname localhost --user "$(id -u):$(id -g)" -v "$work:/crds" "$java" java -cp '/crds/jars/*' \
    io.strimzi.crdgenerator.CrdGenerator --label app:strimzi --label strimzi.io/crd-install:true \
    --target-kube 1.16+ --crd-api-version v1 --api-versions v1 --storage-version v1 --yaml "${classes[@]}"
  for kind in Kafka KafkaTopic KafkaUser; do
    echo ---
    cat "$work/$kind.yaml"
  done >"$work/crds.yaml"
  mkdir -p "$CACHE/strimzi"
  mv "$work/crds.yaml" "$crds"
}

if [ ! -f "$crds" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  generate >&2
fi
printf '%s\n' "$crds"
