# make check  the tests that need no server, and vet: for every change
# make test   every module's tests, with the race detector, against real servers,
#             and every benchmark once
# make lint   formatting, vet, staticcheck and the rest of .golangci.yml
# make proof  the tests of reliability in full: docs/reliability.md
# make bench  the tables of docs/performance.md: each engine beside its limit and its
#             rivals. What the benchmarks print is in bench.txt, which benchstat reads
# make fuzz   every fuzz target for FUZZTIME

MODULES  := . ./redisstore ./sqlitestore ./pgstore ./etcdstore ./kurrentdb ./otelcheckpoint ./promcheckpoint ./cmd/checkpoint ./cmd/checkpoint/full ./examples ./integration
PACKAGES := $(MODULES:%=%/...)
FUZZTIME ?= 30s

# All modules. go.work has only those that a user of the command needs.
export GOWORK := $(CURDIR)/integration/go.work

# What `make check` tests: nothing here starts a server.
SERVERLESS  = $(filter-out %/internal/pgtest,$(shell go list ./...)) ./sqlitestore ./etcdstore ./kurrentdb ./otelcheckpoint ./promcheckpoint \
              ./integration/internal/... ./cmd/checkpoint/internal/output ./cmd/checkpoint/internal/transfer ./cmd/checkpoint/internal/intake ./cmd/checkpoint/internal/gate ./cmd/checkpoint/web

# What reads pages and other modules. If those change, go test still takes the result
# of an earlier run from its cache.
UNCACHED := ./integration/layout ./integration/metrics ./examples/kafka ./examples/kurrentdb

# What needs a program of `make servers`, although no server.
PROMTOOL := ^TestPromtool$$

# The servers of scripts/install-servers.sh. Tests run on the oldest, which is also the
# one on PATH, unless REDISTEST_SERVER names another. Members of etcd run in the process
# of the test, unless ETCDTEST_SERVER names a server.
OLDEST := redis-7.0
NEWEST := redis-8
OTHER  := valkey-9
NEWEST_POSTGRES := postgres-18
OLDEST_ETCD := etcd-3.5

# What says nothing about the version of etcd: the wait of gRPC, no server at all, and a
# server within the process of the test. With them `make test` would take 30 s longer.
ANY_ETCD := ^(TestLongOutage|TestOpenWithoutAServer|TestSlowDisk)$$
export PATH := $(CURDIR)/.bin/servers/$(OLDEST)/bin:$(PATH)

# The folders that have benchmarks.
BENCHMARKS = $(shell grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n 1 dirname | sort -u)

.PHONY: all check test test-redis test-others proof lint format bench fuzz tidy tools servers clean

all: test lint

check:
	go vet $(PACKAGES)
	go test $(SERVERLESS)
	go test -count=1 -skip '$(PROMTOOL)' $(UNCACHED)

test: servers
	@command -v cc >/dev/null 2>&1 || { echo "The race detector needs a C compiler: install gcc or clang." >&2; exit 1; }
	go test -race -timeout 15m $(PACKAGES)
	go test -count=1 $(UNCACHED)
	cd kurrentdb && GOWORK=off go test -race -timeout 15m ./... # the oldest client
	$(MAKE) -j 2 --output-sync=target test-redis test-others

# The suites on other servers mostly wait, so two go side by side.
test-redis:
	$(call on,$(NEWEST),go test -race -timeout 15m ./redisstore)
	$(call on,$(OTHER),go test -race -timeout 15m -run '^TestConformance' ./redisstore)

test-others:
	$(call on,$(NEWEST_POSTGRES),go test -race -timeout 30m ./pgstore)
	$(call on,$(OLDEST_ETCD),go test -race -timeout 15m -skip '$(ANY_ETCD)' ./integration/etcd)
	go test -race -timeout 15m -run '^$$' -bench . -benchtime 1x $(BENCHMARKS)

TEST_redis := REDISTEST
TEST_valkey := REDISTEST
TEST_postgres := PGTEST
TEST_etcd := ETCDTEST

# A system without Debian's packages has one server only, as the script has said.
on = [ ! -d .bin/servers/$(1) ] || $(TEST_$(firstword $(subst -, ,$(1))))_SERVER=$(1) $(2)

proof: servers
	go test -v -timeout 1h ./sqlitestore -run 'TestKilledWhileWriting|TestFailingDisk' -rounds 1000
	go test -v -timeout 1h ./pgstore -run TestKilledWithinAReadModel -rounds 1000
	go test -v -timeout 1h ./integration/contention -rounds 300
	go test -v -timeout 1h ./group -run TestSimulation -seeds 1000
	go test -v -timeout 1h ./integration/groups -rounds 100
	go test -v -timeout 1h ./integration/suspend -rounds 500
	go test -v -timeout 1h ./integration/histories -rounds 15
	go test -v -timeout 1h ./integration/etcd -run TestCrashesLeaveNoEtcdLease -crashes 2000
	go test -v -timeout 1h ./integration/failover -failovers 50
	go test -v -timeout 1h ./integration/soak -soak 10m
	$(call on,$(NEWEST),go test -v -timeout 1h ./integration/failover -failovers 50)
	$(call on,$(OTHER),go test -v -timeout 1h ./redisstore ./integration/failover)
	$(call on,$(OLDEST_ETCD),go test -v -timeout 1h ./integration/etcd)
	$(call on,$(OLDEST_ETCD),go test -v -timeout 1h ./integration/failover -run '^TestEtcd$$' -failovers 50)
	$(call on,$(OLDEST_ETCD),go test -v -timeout 1h ./integration/histories -run '^TestEtcd$$' -rounds 15)

servers:
	@scripts/install-servers.sh

tools: .bin/golangci-lint

.bin/golangci-lint: tools/go.mod
	@echo "Building the linters of tools/go.mod; this takes some minutes, once." >&2
	cd tools && GOWORK=off go build -o ../.bin/ tool
	@touch $@

lint: tools
	@for m in $(MODULES); do \
		echo "lint $$m" && (cd $$m && $(CURDIR)/.bin/golangci-lint run --config $(CURDIR)/.golangci.yml ./...) || exit 1; \
	done
	@for m in $(MODULES); do \
		(cd $$m && GOWORK=off go mod tidy -diff) || { echo "$$m: go.mod or go.sum is not tidy: run make tidy" >&2; exit 1; }; \
	done

format: tools
	.bin/golangci-lint fmt $(MODULES)

tidy:
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done

bench: servers
	go run ./integration/bench -docs docs >bench.txt

fuzz: servers
	@scripts/fuzz.sh $(FUZZTIME) $(MODULES)

clean:
	rm -rf .bin
