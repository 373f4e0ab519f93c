# Each recipe is one simple command: make runs it without a shell in between, so that a signal
# to make reaches it.

PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help run test chaos soak image check bench format lock

help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' Makefile

run: ## install what is missing, then serve on http://127.0.0.1:8000/ with demo data
	@$(PYTHON) -m quality.start run

test: ## install what is missing, then run all tests; COVERAGE=1: and say what they have run
	@$(PYTHON) -m quality.start test

chaos: ## break what it runs on, watched by a real Prometheus: minutes
	@$(PYTHON) -m quality.start chaos

soak: ## scan for 45 minutes at 4 pages and 20 simulated stations, then 10,000 times: 50 minutes
	@$(PYTHON) -m quality.start soak

image: ## build the image on a stand-in for its base, and serve from it: minutes, as root
	@$(PYTHON) -m quality.start image

check: ## format, lint, types, migrations, deploy check, documentation
	@$(PYTHON) -m quality.start check

bench: ## measure what a connection costs, beside stock Django and another pool
	@$(PYTHON) -m quality.start bench

format: ## format the code
	@$(PYTHON) -m quality.start format

lock: ## pin the newest requirements with their hashes
	@$(PYTHON) -m quality.start lock
