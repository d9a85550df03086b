# The image of one Rust program: the operator, a service, or what moves backups. The context is a folder usr/bin with the program tracklore-<name>
# and a link `tracklore` to it; e2e/scripts/build-images.sh makes that and calls this.
ARG BASE=gcr.io/distroless/cc-debian13:latest
FROM ${BASE}
COPY usr/ /usr/
USER 65532:65532
ENTRYPOINT ["/usr/bin/tracklore"]
