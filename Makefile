# The interface of the repository. Every target is a script in e2e/scripts; `make help` lists them.
SHELL := /bin/bash
CACHE := $(or $(TRACKLORE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tracklore)
export CARGO_TARGET_DIR ?= $(CACHE)/target
run := e2e/scripts
.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up demo status down
up: ## From a fresh machine to a running stack at http://localhost:8080; again: quick, picks up changed code
	@$(run)/up.sh
demo: ## Play the main job against the running stack: sign up, post, see it in the feed
	@$(run)/demo.sh
status: ## What runs: cluster, operator, stack, containers
	@$(run)/status.sh
down: ## End the cluster and everything in it (built images and tools stay)
	@$(run)/down.sh

.PHONY: observe observe-down test-dashboards
observe: ## Prometheus and Jaeger beside the running stack (and Grafana where its image can be pulled), and their addresses
	@$(run)/observe.sh
observe-down: ## End them
	@$(run)/observe.sh down
test-dashboards: ## Load on the demo stack, and whether every expression of the dashboards gives numbers (DRAW=draw: pictures)
	@$(run)/test-dashboards.sh $(DRAW)

.PHONY: dev
dev: ## The four services as processes against containers of their dependencies, restarting on change; no Kubernetes
	@$(run)/dev.sh

.PHONY: test lint test-unit test-integration test-chart test-e2e
test: ## Everything: lint, unit, integration, chart and end-to-end tests, and what each took
	@$(run)/test.sh
lint: ## Format, clippy, licences and sources of dependencies, shell scripts
	@$(run)/test.sh lint
test-unit: ## Tests that need nothing
	@$(run)/test.sh unit
test-integration: ## Tests against real Postgres, Valkey and Kafka in containers; goldens; drift of the CRD
	@$(run)/test.sh integration
test-chart: ## The Helm chart, the CRD and the examples against the schemas of Kubernetes; rules, dashboards and runbooks
	@$(run)/test.sh chart
test-e2e: ## End-to-end tests on the cluster (brings it up when it is not there; E2E=all: those too that take turns by the day)
	@$(run)/test.sh e2e

.PHONY: test-api verify-schemas
test-api: ## Schemathesis against the services by their OpenAPI documents (EXAMPLES=100 an operation)
	@$(run)/test-api.sh
verify-schemas: ## What is documented of events and APIs against itself, what was published before, and what consumers read
	@cargo test --locked --workspace --lib --bins -- schemas:: api:: ever_published

.PHONY: ledger deliberate-bugs
ledger: ## Faults on the cluster, and whether anything acknowledged is lost, doubled or reordered (LEDGER_FAULTS, LEDGER_ROUNDS)
	@$(run)/ledger.sh
deliberate-bugs: ## The ledger with processes (LEDGER_KILLS), also with bugs made on purpose, each of which it must show
	@$(run)/deliberate-bugs.sh

.PHONY: images release bench scale campaign
images: ## Build the images of the operator and the services, tagged by content
	@$(run)/images.sh
release: ## What a release is made of: images as archives, chart, CRD, plugin, lists of what is in them, checksums
	@$(run)/release.sh
bench: ## Figures: memory, sizes and latencies of the running stack; the services beside the least that they could cost
	@$(run)/bench.sh
scale: ## What 1, 100, 500 and 1,000 stacks cost the operator, at an API server without nodes (an hour and more; SIZES=1,100)
	@$(run)/scale.sh
campaign: ## The end-to-end tests, the operator's death after each of its writes, the ledger with processes, and every fault of the ledger again and again (ROUNDS=10): what fails once in a hundred times
	@$(run)/campaign.sh

.PHONY: plugin
plugin: ## Build kubectl-tracklore and put it beside the project's other tools
	@$(run)/plugin.sh

.PHONY: crd docs-generated
crd: ## Write crds/ anew from the Rust types
	@$(run)/generate.sh crd
docs-generated: ## Write the generated pages of docs/ anew: configuration and OpenAPI documents of the services, fields of the CRD, values of the chart
	@$(run)/generate.sh docs

.PHONY: clean clean-cache
clean: ## End everything that runs and drop what lies in this folder (the cache stays)
	@$(run)/down.sh all
clean-cache: ## Also drop the cache: the next run builds and downloads everything again
	@$(run)/down.sh cache
