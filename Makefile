# `make` alone says what there is.
.DEFAULT_GOAL := help
.PHONY: help setup postgres test proof mutants lint docs bench demo ci

# Debian keeps servers in /usr/sbin, which is not in everybody's path.
export PATH := $(PATH):/usr/sbin:/sbin

help: ## Say what there is.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a Playwright suite needs that sends requests only: no browser.
SUITES := bluegreen-core/tests/suites

# PostgreSQL 18 beside Debian's; every major version since 10 with POSTGRES=all, half a gigabyte.
POSTGRES ?= 18
SERVERS := bluegreen-core/tests/server

setup: target/pydo/bin/pydo-is-there target/moto/bin/moto-is-there postgres ## Install the real parts that tests use (nginx, haproxy, prometheus, postgresql, mariadb, playwright, pydo, moto), where they are missing.
	@.ci/need nginx haproxy prometheus /usr/lib/postgresql=postgresql mariadbd=mariadb-server node=nodejs npm
	@cmp -s $(SUITES)/package-lock.json $(SUITES)/node_modules/.installed || \
		{ npm ci --prefix $(SUITES) --ignore-scripts --no-audit --no-fund --loglevel=error && \
		cp $(SUITES)/package-lock.json $(SUITES)/node_modules/.installed; }

# The packages bring what was built for one kind of machine; elsewhere the tests use what is installed.
postgres:
	@.ci/need node=nodejs npm
	@if [ "$$(uname -sm)" != "Linux x86_64" ]; then echo "no PostgreSQL $(POSTGRES) for $$(uname -sm)"; \
	elif ! echo "$(POSTGRES)" | cat - $(SERVERS)/package-lock.json | cmp -s - $(SERVERS)/node_modules/.installed; then \
		npm ci --prefix $(SERVERS) $(if $(filter all,$(POSTGRES)),,--omit=dev) --no-audit --no-fund --loglevel=error && \
		echo "$(POSTGRES)" | cat - $(SERVERS)/package-lock.json > $(SERVERS)/node_modules/.installed; fi

# DigitalOcean's own client, in an environment of its own.
target/pydo/bin/pydo-is-there:
	@.ci/need python3
	@python3 -c 'import ensurepip' 2>/dev/null || .ci/need ensurepip=python3-venv
	@python3 -m venv target/pydo
	@target/pydo/bin/pip install --quiet --disable-pip-version-check pydo==0.44.0
	@touch $@

# An AWS that nobody here wrote.
target/moto/bin/moto-is-there:
	@.ci/need python3
	@python3 -c 'import ensurepip' 2>/dev/null || .ci/need ensurepip=python3-venv
	@python3 -m venv target/moto
	@target/moto/bin/pip install --quiet --disable-pip-version-check 'moto[server]==5.2.2'
	@touch $@

test: setup ## Run every test: unit, documentation, those with real parts that `cargo test` leaves out, and the proof.
	cargo test --workspace --all-features --tests --no-fail-fast -- --include-ignored
	cargo test --workspace --all-features --doc --no-fail-fast
	$(MAKE) proof

# What the proof explores; a simulation that does not make every transition fails. Before a release: make proof DEPLOYMENTS=10000000 KILLS=1000 CRASHES=3
DEPLOYMENTS ?= 1000000
# Deployments with a provider's plugins, each of whose requests may go wrong.
REQUESTED ?= 10000
KILLS ?= 200
CRASHES ?= 2
SEED ?= 1

proof: setup ## Explore the model, simulate the driver, break it on purpose, kill it on real nginx.
	cargo build --release -p bluegreen-testkit -p bluegreen-bench -p bluegreen-digitalocean-example --features bluegreen-testkit/model --bins
	target/release/model --crashes $(CRASHES) --faults 2 --routers 1 --steps 2
	target/release/model --crashes 1 --faults 1 --routers 2 --steps 2
	target/release/model --crashes 1 --faults 1 --routers 1 --steps 2 --fenced
	target/release/model --crashes 1 --faults 1 --routers 1 --steps 1 --operations deploy,deploy
	target/release/model --crashes 1 --faults 1 --routers 1 --steps 2 --requests 2
	target/release/model --crashes 1 --faults 1 --routers 1 --steps 2 --requests 2 --fenced
	target/release/simulate --deployments $(DEPLOYMENTS) --seed $(SEED) --whole
	target/release/simulate-digitalocean --deployments $(REQUESTED) --seed $(SEED)
	target/release/simulate-digitalocean --deployments 20000 --seed $(SEED) --sabotage rash
	target/release/sabotage
	target/release/kill-nginx --kills $(KILLS) --seed $(SEED)

# Some of them: make mutants MODULES="fault store". After tests were added: make mutants AGAIN=1
MODULES ?=

mutants: ## Break the core in every small way and see what the tests notice: hours, so no part of `make ci`.
	.ci/mutants $(MODULES)

lint: ## Check the format, and lint everything; a warning is a failure.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

docs: ## Build the documentation; a warning is a failure.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps

bench: setup ## Measure the switch on real servers, and the driver on fakes.
	cargo run --release --bin switch-bench
	cargo run --profile bench --bin driver-bench

demo: ## Watch a whole deployment on loopback, with nothing to install.
	cargo run --release --bin quickstart

ci: ## Run what has to hold before a change is taken: .ci/run.
	.ci/run
