# `make run` and `make test` need python3 (3.11 or later), pip and make, nothing else.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test races drills bench structure format-check format lint types imports migrations deploy pytest browser lock reset

PYTHON ?= python3
PORT ?= 8000

VENV := .venv
PY := $(VENV)/bin/python
VAR := $(or $(ASPEN_VAR),var)
APPS := aspen accounts events credits tracks helpdesk
# One test process per processor; the test server has connections for four.
PROCESSES = -n logical --maxprocesses 4 --dist worksteal
# HTML only, because whitespace matters in plain-text e-mails.
TEMPLATES = find templates -type f -name '*.html'

# Settings of the demonstration, which answers only on this machine.
DEMO = DEBUG=off ASPEN_DEMO=on ASPEN_HTTPS=off ALLOWED_HOSTS=127.0.0.1,localhost \
	ASPEN_ADDRESS=http://127.0.0.1:$(PORT) SECRET_KEY="$$(cat '$(VAR)/secret-key')"
# Production-like settings for the deployment check, which makes no connections.
PRODUCTION = DEBUG=off ASPEN_DEMO=off ASPEN_HTTPS=on ASPEN_TRUSTED_PROXY=on \
	ALLOWED_HOSTS=aspen.example.gov ASPEN_CONTACT_EMAIL=library-help@example.gov \
	ASPEN_ADDRESS=https://aspen.example.gov ASPEN_UPLOADS=/srv/aspen/uploads \
	DATABASE_URL=postgres://aspen:secret@localhost:5432/aspen \
	EMAIL_URL=smtp+tls://aspen:secret@localhost:587 \
	SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')"

title = @printf '\n== %s ==\n' '$(1)'

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.base $(VAR)/secret-key  ## Serve the demonstration on http://127.0.0.1:8000 (PORT=8001: another port)
	@$(DEMO) exec $(PY) manage.py portal --port '$(PORT)'

test: format-check lint types imports migrations deploy browser pytest  ## Run every check and all tests

format-check: $(VENV)/.dev
	$(call title,Format)
	@$(PY) -m ruff format --check .
	@$(TEMPLATES) -print0 | xargs -0 -r $(VENV)/bin/djade --check --target-version 5.2

format: $(VENV)/.dev  ## Format code and templates
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .
	@$(TEMPLATES) -print0 | xargs -0 -r $(VENV)/bin/djade --target-version 5.2 || true

lint: $(VENV)/.dev  ## Check code with ruff
	$(call title,Lint)
	@$(PY) -m ruff check .

types: $(VENV)/.dev  ## Check types with mypy
	$(call title,Types)
	@$(PY) -m mypy

imports: $(VENV)/.dev  ## Check the directions of imports
	$(call title,Import directions)
	@$(PY) $(VENV)/bin/lint-imports

migrations: $(VENV)/.dev  ## Check that no migration is missing
	$(call title,Migrations)
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) manage.py makemigrations --check --dry-run

deploy: $(VENV)/.dev  ## Check the settings for production
	$(call title,Deployment)
	@$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

pytest: $(VENV)/.dev  ## Run all tests (ARGS=tests/events: only those)
	$(call title,Tests)
	@$(PY) -m pytest $(PROCESSES) -rs --durations=10 --durations-min=1 $(ARGS)

races: $(VENV)/.dev browser  ## Run all tests, with every round of the races and all volumes (ARGS=tests/events: only those)
	$(call title,Races)
	@RACES=1 $(PY) -m pytest $(PROCESSES) -rs --durations=10 --durations-min=1 $(ARGS)

drills: $(VENV)/.dev  ## Play failures of mail server, database and disk, and a wrong reset (DRILL=mail: only that)
	$(call title,Drills)
	@$(PY) scripts/drills.py $(DRILL)

browser:
	$(call title,Browser)
	@sh scripts/install-chromium

bench: $(VENV)/.dev  ## Measure imports, pages and checks (BENCH_CREDITS=1000000, ARGS=integrity: see scripts/bench.py)
	@$(PY) scripts/bench.py $(ARGS)

structure: $(VENV)/.dev  ## Measure the structure of the code
	@$(PY) scripts/structure.py

lock: $(VENV)/.dev  ## Write requirements/*.txt from requirements/*.in (ARGS=--upgrade: newer versions)
	@for name in base dev; do \
		UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv pip compile --system-certs --universal \
			--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet $(ARGS) \
			requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

reset: $(VENV)/.base $(VAR)/secret-key  ## Delete the demonstration: its database, uploads, saved mail and static files
	@$(DEMO) $(PY) manage.py portal --reset

# The virtual environment. Installing a requirements file touches its stamp; the development
# requirements include the base ones.

# Without ensurepip (Debian without python3-venv), python3 can only create an environment without
# pip. Its own pip then installs into it.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3 …"; exit 1; }
	@echo "Creating the virtual environment in $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || \
		$(PYTHON) -m venv --clear --without-pip $(VENV)

install = @echo 'Installing $(1) …'; \
	if $(PY) -c 'import pip' 2>/dev/null; then pip='$(PY) -m pip'; \
	else pip='$(PYTHON) -m pip --python $(PY)'; fi; \
	$$pip install -qq --disable-pip-version-check --no-input --require-hashes -r $(1)

$(VENV)/.base: requirements/base.txt | $(PY)
	$(call install,$<)
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(PY)
	$(call install,$<)
	@touch $(VENV)/.base $@

$(VAR)/secret-key: | $(PY)
	@mkdir -p '$(VAR)'
	@umask 077; $(PY) -c 'import secrets; print(secrets.token_urlsafe(50))' > '$@.new'
	@mv '$@.new' '$@'
