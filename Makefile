# Every command sets up what it needs: Python 3.11 or newer and make are enough.

.PHONY: run dev test check style docs docs-serve wheel setup clean
.DEFAULT_GOAL := run

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

# The example media of four dates, from file to scores; ends by itself.
run: $(READY)
	$(PY) examples/demo/run.py

# The local Pique and the Dagster UI on http://127.0.0.1:3000; Ctrl-C stops both. PORT=3100 make dev: at another port.
dev: $(READY)
	@$(PY) examples/demo/dev.py --port $(or $(PORT),3000)

# Style, types, tests; with PIQUE_TEST_LONG=1 also those that take minutes, such as the torture. The tests validate the
# definitions by the commands of `check`, without environment and network.
test: style
	$(PY) -m pytest -n 2 --dist worksteal

check: style
	$(VENV)/bin/dg check defs --use-active-venv

style: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# Strictly: a link, an anchor, an image or a snippet that leads nowhere is an error.
docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict
	@echo "the documentation's site: $(CURDIR)/.pique/site/index.html"

# The same on http://127.0.0.1:8000, built anew whenever a page changes.
docs-serve: $(READY)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs serve --dev-addr 127.0.0.1:8000

# What other projects install; docs/start/your-project.md says how.
wheel: $(READY)
	@uv=$$(command -v uv || echo $(VENV)/bin/uv); $$uv build --quiet --wheel --out-dir dist
	@ls $(CURDIR)/dist/*.whl

setup: $(READY)

# uv from the machine where there is one, else the project's own, in its own virtual environment.
$(READY): pyproject.toml uv.lock
	@echo "setting up $(VENV): a minute on a first run"
	@command -v uv >/dev/null || test -x $(VENV)/bin/uv || { $(PYTHON) -m venv $(VENV) && $(PY) -m pip install uv; }
	@uv=$$(command -v uv || echo $(VENV)/bin/uv); \
		UV_PROJECT_ENVIRONMENT=$(VENV) $$uv sync --all-extras --frozen --inexact
	@$(VENV)/bin/pique-assets models fetch || echo "no speech model: what needs one is left out, and says so"
	@touch $@

clean:
	rm -rf $(VENV) .pique
