# shellcheck shell=bash disable=SC2034
# All versions and image names of the cluster in one place. The Go programs' versions are in src/kube/go.mod,
# src/traefik/go.mod, src/cloudnative-pg/go.mod and src/jaeger/go.mod, Kafka's jars in images/kafka/pom.xml, Strimzi's API in
# ../strimzi/pom.xml.
DEBIAN_SUITE=trixie
POSTGRES_VERSION=17.11
VALKEY_VERSION=8.1.1
KAFKA_VERSION=4.3.1
TRAEFIK_VERSION=3.7.9
CLOUDNATIVE_PG_VERSION=1.30.0
JAVA_VERSION=21

# What the operator runs: the same names with and without a registry.
declare -A IMAGES=(
  [postgres]=docker.io/library/postgres:$POSTGRES_VERSION
  [valkey]=docker.io/valkey/valkey:$VALKEY_VERSION
  [kafka]=docker.io/apache/kafka:$KAFKA_VERSION
  [traefik]=docker.io/library/traefik:v$TRAEFIK_VERSION
)
# What only the end-to-end tests run beside: CloudNativePG, and Postgres as it wants it.
declare -A TEST_IMAGES=(
  [cnpg-operator]=ghcr.io/cloudnative-pg/cloudnative-pg:$CLOUDNATIVE_PG_VERSION
  [cnpg-postgres]=ghcr.io/cloudnative-pg/postgresql:$POSTGRES_VERSION-minimal-$DEBIAN_SUITE
)
# What the services' images stand on.
BASE_AIRGAP=tracklore/base:$DEBIAN_SUITE
BASE_REGISTRY=gcr.io/distroless/cc-debian13:latest
# kind's own node image, for machines that reach a registry: of kind's release notes, as it fits only its own kind release.
# Without a registry node.sh makes NODE_AIRGAP.
NODE_REGISTRY=docker.io/kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed
NODE_AIRGAP=tracklore/kind-node
# The node's root file system. Not newer: later systemds refuse to run on hosts that still have cgroup v1.
NODE_SUITE=bookworm
