# Two commands matter: `make run` shows a stream arriving, `make test` runs everything.
.PHONY: help run test lint format bench bench-suite bench-workers score-peers generate mutations build clean

help:        ## list the commands
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 22

run:         ## start the emulator on the chat example and show an answer arriving
	@scripts/install run
	@.venv/bin/python scripts/run.py

test:        ## run the whole suite (ARGS="-k name" for a part)
	@scripts/install test
	@scripts/test $(ARGS)

lint:        ## ruff, mypy --strict and pyright
	@scripts/install lint
	@scripts/lint

format:      ## format the code and mend what ruff can mend
	@scripts/install lint
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

bench:       ## compare with other tools, side by side (ARGS="--only formats" for a part)
	@scripts/install bench
	@.venv/bin/python tests/benchmarks/run.py $(ARGS)

bench-suite: ## compare a file of 1000 tests with and without a client
	@scripts/install bench
	@.venv/bin/python tests/benchmarks/suite.py $(ARGS)

bench-workers: ## compare workers with other emulators and runtime clients, which it installs into build/
	@scripts/install bench
	@.venv/bin/python tests/benchmarks/workers.py $(ARGS)

score-peers: ## run the score card against ourselves and other emulators, which it installs into build/
	@scripts/install bench
	@.venv/bin/python tests/benchmarks/score_peers.py $(ARGS)
	@.venv/bin/python scripts/generate.py

mutations:   ## break every rule of the contract in a copy, and see a document fail (ARGS="R1 E2" for some)
	@scripts/install test
	@.venv/bin/python tests/mutations.py $(ARGS)

generate:    ## rewrite what the docs take from the code
	@scripts/install test
	@.venv/bin/python scripts/generate.py

build:       ## build the wheel and the source distribution into dist/
	@scripts/install test
	@.venv/bin/python -m build

clean:       ## remove what the other commands made
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
