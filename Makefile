SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules

# Helper programs are run by version, so that go.mod lists what we use and nothing else.
BUF           := github.com/bufbuild/buf/cmd/buf@v1.75.0
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

PROGRAMS := bin/connectord bin/conform bin/plugin-smartpay bin/smartpay-sandbox
# A package waits for nobody for so long; a loaded machine takes several times what an idle one does.
GO_TEST  := go test -count=1 -timeout 25m

.PHONY: help
help: ## List the targets worth knowing
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The key of this machine alone, with which make certify signs. Nobody else trusts it.
KEY := .data/development.key

.PHONY: run
run: build ## Start sandbox, host and Smartpay connector, ready to take a payment
	@exec bin/connectord dev $$(test -f $(KEY).pub && echo --certification-key $(KEY).pub)

.PHONY: build
build: ## Build the four programs into bin/
	@mkdir -p bin
	go build -trimpath -o bin/connectord ./host/cmd/connectord
	go build -trimpath -o bin/conform ./conformance/cmd/conform
	go build -trimpath -o bin/plugin-smartpay ./plugin-smartpay
	go build -trimpath -o bin/smartpay-sandbox ./plugin-smartpay/cmd/smartpay-sandbox

.PHONY: demo
demo: build ## Script one payment through every operation and check each answer
	@bin/connectord demo

.PHONY: cluster
cluster: build ## Start PostgreSQL and three hosts on it, ready to take payments
	@exec bin/connectord cluster

.PHONY: test
test: ## Run the tests a user would run; nothing needs to be set up first
	$(GO_TEST) ./...

.PHONY: check
check: lint verify-generated test race fuzz conform demo ## Everything a change must pass; what CI runs

# These packages only drive programs that were built without the detector: under it they
# would find nothing that make test does not.
DRIVERS := /host/internal/chaos$$|/conformance/independent$$|/conformance/scaffold(/template)?$$|/conformance/cmd/conform$$
# SQLite is C in Go's clothes and has memory and locks of its own: under the detector it
# takes three times as long and shows nothing of ours. (Of this package alone: where generic
# code is instantiated it has to be watched.) Every process that ends under the detector
# waits a second for late reports unless told otherwise. Lint has vetted everything.
.PHONY: race
race: ## Run the tests under the race detector
	GORACE=atexit_sleep_ms=50 $(GO_TEST) -race -vet=off -gcflags='modernc.org/sqlite/lib=-race=false -d=checkptr=0' \
		$$(go list ./... | grep -vE '$(DRIVERS)')

# Each fuzz target for a moment; FUZZTIME=10m makes it a hunt.
FUZZTIME ?= 3s
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z]+' . | sed -E 's#^(.*)/[^/]*:[0-9]+:func (.*)#\1 \2#' | sort -u | \
	while read -r pkg target; do \
		echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg" >.fuzz.out 2>&1 || { cat .fuzz.out; rm -f .fuzz.out; exit 1; }; \
	done; rm -f .fuzz.out

.PHONY: lint
lint: ## Check format, vet and lint rules
	@unformatted=$$(git ls-files -z '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	go mod tidy -diff
	go run $(GOLANGCI_LINT) run ./...

.PHONY: generate
generate: ## Regenerate code from connector.proto
	cd sdk/proto && go generate ./...

.PHONY: verify-generated
verify-generated: generate ## Fail if generated code is not what the sources say
	@git diff --exit-code -- sdk/internal/gen || { echo "generated code is stale: run make generate and commit"; exit 1; }

.PHONY: conform
conform: build ## Run the conformance suite against the Smartpay connector
	bin/conform run --plugin bin/plugin-smartpay --fixtures plugin-smartpay/conformance.yaml

.PHONY: certify
certify: build ## Certify the built Smartpay connector with a key of this machine
	@mkdir -p $(dir $(KEY))
	@test -f $(KEY) || bin/conform keygen --out $(KEY)
	bin/conform certify --plugin bin/plugin-smartpay --fixtures plugin-smartpay/conformance.yaml --key $(KEY) --out bin/plugin-smartpay.cert
	bin/conform verify --plugin bin/plugin-smartpay --cert bin/plugin-smartpay.cert --key $(KEY).pub

.PHONY: mutants
mutants: ## Hold every broken connector, as a real process, against every case: an hour on two cores
	MUTANTS=1 go test -count=1 -timeout 3h -v -run 'Mutants|Reference' ./conformance

.PHONY: bench
bench: ## Run the benchmarks; rows are ratios measured in one run
	go test -run '^$$' -bench . -benchmem ./host/... ./schemas/... ./sdk/... ./plugin-smartpay/...

# The last line sums up what the provider's books say. With PAYMENTS it is that many
# payments in one bad day; otherwise every test of the kind, in its long form.
SEED     ?=
STORE    ?= sqlite
PAYMENTS ?=
.PHONY: chaos
chaos: ## Break everything for long, at random: [PAYMENTS=n] [SEED=s] [STORE=sqlite|postgres]
ifeq ($(PAYMENTS),)
	CHAOS=1 CHAOS_SEED=$(SEED) go test -race -count=1 -timeout 60m -run Chaos -v $$(go list ./host/... | grep -v /internal/chaos)
endif
	@mkdir -p bin
	go test -c -o bin/chaos.test ./host/internal/chaos
	@cd host/internal/chaos && CHAOS=1 CHAOS_SEED=$(SEED) STORE=$(STORE) PAYMENTS=$(PAYMENTS) \
		../../../bin/chaos.test -test.run '$(if $(PAYMENTS),ChaosSoak,Chaos)' -test.v -test.timeout 10h

.PHONY: golden
golden: ## Rewrite golden files; review the diff before committing
	go test ./host/api ./host/internal/store ./plugin-smartpay/internal/smartpay -update
	go test ./plugin-smartpay -update
	go test ./conformance ./conformance/internal/report ./conformance/sim -update

.PHONY: clean
clean: ## Remove what was built and the development data
	rm -rf bin .tmp .data .artifacts
