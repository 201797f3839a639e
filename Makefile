# rtpipe: everything that a fresh clone needs; `make` lists it. Runs as any user, root or not.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check docs coverage mutants bench faults chaos lock clean run dev

BIN := .venv/bin
#: Of these files the unit tests alone reach at least 90 %: `make coverage` fails below that.
FLOORED := 'workers/*.py' $(patsubst %,'workers/%/*',commit contract database intake produce retry rows) 'supervisor/*.py' \
  $(patsubst %,'supervisor/%/*',admin bench bundle commands companions control dead_letters demo doctor history kafka lifecycle \
    mirror page/metrics peek run schemas settings setup status steering top trial verify)

# Settings of the caller's shell that would reach into the environment made here.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH PYTHONWARNINGS PYTHONSTARTUP PYTHONSAFEPATH VIRTUAL_ENV
unexport PIP_CONSTRAINT PIP_PREFIX PIP_REQUIREMENT PIP_ROOT PIP_TARGET
export PYTHON

help:  ## this list
	@echo 'make TARGET [ARGS="for the command"] [PYTHON=/path/to/python]'
	@sed -nE 's/^([a-z]+):[^#]*## /  \1 /p' Makefile | while read -r name text; do printf '  %-8s %s\n' "$$name" "$$text"; done

demo: run  ## install, then show the whole pipeline at work (ARGS="--messages 100000")
	@$(BIN)/rtpipe demo $(ARGS)

test: dev  ## install, then all tests: unit, integration, crash, wheel (ARGS="tests/unit -k name")
	@echo 'make test: about nine minutes on two cores for all tests; no process and no data is left, except caches'
	@$(BIN)/python -m pytest --numprocesses 3 --dist worksteal $(ARGS)

check: dev  ## lint, format, types, and which folder imports which
	@echo 'ruff check'; $(BIN)/ruff check --quiet .
	@echo 'ruff format --check'; $(BIN)/ruff format --quiet --check .
	@echo 'mypy --strict'; $(BIN)/mypy --no-error-summary && $(BIN)/mypy --no-error-summary requirements
	@echo 'lint-imports'; found=$$($(BIN)/lint-imports --no-logo --no-cache) || { echo "$$found"; exit 1; }

docs:  ## these pages as a site, in build/site; fails at a link that leads nowhere
	@$(call INSTALL,docs)
	@NO_MKDOCS_2_WARNING=1 build/docs/bin/mkdocs build --strict

coverage: dev  ## statements and branches of workers and supervisor that the unit tests alone reach; rooms with a floor
	@$(BIN)/python -m pytest tests/unit --quiet --numprocesses 2 --cov --cov-report=term $(ARGS)
	@for room in $(FLOORED); do \
	  total=$$($(BIN)/coverage report --include="$$room" --format=total --fail-under=90) || below=1; \
	  printf '%-26s %s %%, and 90 %% at least\n' "$$room" "$$total"; \
	done; exit $${below:-0}

mutants: dev  ## change the exactly-once core in a thousand ways; which changes no unit test notices (ARGS="workers.commit.writing.row_trial*")
	@group='import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["mutants"])'; \
	  $(BIN)/python -m pip install --quiet --upgrade --target .mutants $$($(BIN)/python -c "$$group")
	@# A test that mutmut cannot name to pytest would count as one that noticed the change.
	@tests=$$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["tool"]["mutmut"]["pytest_add_cli_args_test_selection"])'); \
	  if $(BIN)/python -m pytest --collect-only --quiet $$tests | grep -F '\'; then echo 'make: the ids of these tests have a backslash: give them ids' >&2; exit 2; fi
	@PYTHONPATH=.mutants $(BIN)/python -m mutmut run $(ARGS); PYTHONPATH=.mutants $(BIN)/python -m mutmut results

bench: run  ## rows per second: rtpipe, the plain loop, the database's own limit
	@$(BIN)/python -m tests.bench $(ARGS)

faults: dev  ## the fault suite, and 100,000 schedules of the core in memory (REPEAT=3: three rounds)
	@for round in $$(seq $(or $(REPEAT),1)); do \
	  RTPIPE_SCHEDULES=100000 $(BIN)/python -m pytest tests/unit/workers/commit/test_partition_owner.py \
	    tests/unit/workers/rows/decoding/test_malformed_bytes.py tests/crash tests/security -v -m "faults or not faults" --numprocesses 3 --dist loadfile $(ARGS) || exit; \
	  $(BIN)/python -m pytest tests/integration -m faults --numprocesses 3 --dist loadfile $(ARGS) || exit; \
	done

chaos: run  ## random kills and freezes on the embedded stack (DURATION=8h)
	@$(BIN)/rtpipe infra up && $(BIN)/rtpipe chaos --duration $(or $(DURATION),60s) $(ARGS)

lock:  ## make the locks again: requirements (ARGS=--upgrade: newest versions) and embedded stack
	@$(call INSTALL,lock $(ARGS))
	@$(call INSTALL,run)
	@$(BIN)/python -m infra.stack.artifacts.make_lock

clean:  ## delete what make made in this folder
	@rm -rf .venv .mutants mutants build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find rtpipe avro_schemas workers supervisor infra tests -name __pycache__ -type d -prune -exec rm -rf {} +

run dev:
	@$(call INSTALL,$@)

# Runs requirements/install.py by the first Python that fits, or says which package to install.
define INSTALL
	set -- python3 python3.14 python3.13 python3.12 python3.11; \
	if [ -n "$$PYTHON" ]; then set -- "$$PYTHON"; fi; \
	seen=; bare=; \
	for python do \
	  version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  case $$version in 3.11|3.12|3.13|3.14) ;; *) seen="$$seen, $$python is $$version"; continue ;; esac; \
	  if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then exec "$$python" requirements/install.py $(1); fi; \
	  bare="$$bare $$python"; \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "make: cannot make a virtual environment:$$bare has no ensurepip." >&2; \
	  echo "      Install it (Debian, Ubuntu: apt-get install python3-venv) and run make again." >&2; \
	else \
	  echo "make: rtpipe needs Python 3.11 to 3.14, and there is none among: $$*$$seen." >&2; \
	  echo "      Install one (Debian 12, Ubuntu 24.04 or newer: apt-get install python3 python3-venv)," >&2; \
	  echo "      or name one: make PYTHON=/path/to/python3.12 ..." >&2; \
	fi; exit 2
endef
