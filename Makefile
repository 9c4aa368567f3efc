# Every target makes its own environment first: `make demo` and `make test` work in a fresh clone.
.PHONY: demo test test-agents check env env-dev clean
AGENTCTL := .venv/bin/agentctl

demo: env  ## deploy the two shipped teams and show them
	@$(AGENTCTL) deploy frontend backend --yes
	@$(AGENTCTL) ps
	@.ci/demo-answers

test: env-dev  ## the whole test suite, in parallel
	@PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest -n 4 --dist worksteal -q

test-agents: env-dev  ## real agent programs, installed into a cache (2 GB), in a network that holds nothing else
	@.venv/bin/python -m tests.agents.install
	@.venv/bin/python -m tests.agents.alone pytest tests/agents -m agents -q

check: env-dev  ## format, lint, types, import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

env:
	@.ci/bootstrap

env-dev:
	@.ci/bootstrap dev
