# Every target makes its own environment first: `make demo` and `make test` work in a fresh clone.
.PHONY: demo test check env env-dev clean
AGENTCTL := .venv/bin/agentctl

demo: env  ## deploy the two shipped teams and show them
	@$(AGENTCTL) deploy frontend backend --yes
	@$(AGENTCTL) ps
	@.ci/demo-answers

test: env-dev  ## the whole test suite, in parallel
	@.venv/bin/python -m pytest -n auto -q

check: env-dev  ## format, lint, types, import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

env:
	@.ci/bootstrap

env-dev:
	@.ci/bootstrap dev
