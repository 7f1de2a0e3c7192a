# `make lab` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL := /bin/sh
NODE := node_modules/.bin/node
TSC := node_modules/.bin/tsc
BIOME := node_modules/@biomejs/cli-linux-x64/biome
NAME ?=

.PHONY: help lab lab-down test check types lint deps tidy gen gen-check unit kernel lab-test topo interop bench fuzz build \
	native cni bpf lab-tools bundles setup-npm setup-build setup-lab clean

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

lab: preflight setup-lab build ## Boots the data centre, deploys the demo, verifies every flow, leaves it running
	@bin/heddle lab up --demo
	@bin/heddle verify flows

lab-down: setup-npm ## Removes everything that `make lab` made
	@bin/heddle lab down

test: setup-test build check kernel lab-test ## Everything: lint, types, fences, unit, kernel and lab tests (root)

check: setup-npm types lint deps tidy gen-check unit ## What needs no root: under a minute

types: setup-npm
	@$(TSC)

lint: setup-npm
	@$(BIOME) check --error-on-warnings .

deps: setup-npm
	@$(NODE) tools/check-deps.ts

tidy: setup-npm
	@$(NODE) tools/tidy.ts

unit: setup-npm ## Unit tests
	@$(NODE) tools/run-tests.ts unit $(NAME)

kernel: setup-test build ## Tests that need root and the kernel, in namespaces of their own; NAME=part of a path
	@$(NODE) tools/run-tests.ts kernel $(NAME)

lab-test: setup-test build ## The lab, booted and verified by a test
	@$(NODE) tools/run-tests.ts lab $(NAME)

topo: setup-test build ## One topology test: make topo T=NAME
	@$(NODE) tools/run-tests.ts topo $(T)

interop: setup-test native ## BGP against live FRR, BIRD, GoBGP and ExaBGP, with a matrix at the end; NAME=part of a file
	@$(NODE) test/interop/run.ts $(NAME) $(if $(WRITE),--write)

bench: setup-bench build ## One comparison with peers: make bench B=NAME
	@$(NODE) bench/run.ts $(B)

fuzz: setup-npm ## Mutated BGP sessions against an oracle: make fuzz COUNT=1000000 SEED=1
	@$(NODE) tools/fuzz-bgp.ts $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

gen: setup-build ## Writes generated files: kinds, CRDs, reference, eBPF layouts
	@$(NODE) tools/gen-api.ts
	@$(NODE) tools/gen-bpf.ts

gen-check: setup-npm
	@$(NODE) tools/gen-api.ts --check

build: setup-build native cni bpf lab-tools bundles ## Addon, CNI executable, eBPF objects and bundles, into dist/

native: setup-build
	@$(MAKE) --no-print-directory -C packages/native

cni: setup-build
	@$(MAKE) --no-print-directory -C cni

bpf: setup-build
	@$(MAKE) --no-print-directory -C bpf

lab-tools: setup-build
	@$(MAKE) --no-print-directory -C packages/lab

bundles: setup-npm native cni bpf lab-tools
	@$(NODE) tools/bundle.ts

.PHONY: preflight setup-test setup-bench
preflight:
	@tools/preflight.sh

setup-npm:
	@tools/setup.sh npm

setup-build:
	@tools/setup.sh build

setup-lab:
	@tools/setup.sh build lab

setup-test:
	@tools/setup.sh build lab test

setup-bench:
	@tools/setup.sh build lab test bench

clean: ## Removes what builds made
	@rm -rf dist build packages/native/build cni/build bpf/build packages/lab/build bench/results
