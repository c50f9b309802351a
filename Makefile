# Each command sets up what it needs: `make demo`, `make test`, `make lint`, `make docs`.
PYTHON ?= python3
EXTRAS ?= dev
PICTURE ?= examples/armchair.jpg
NAME = $(basename $(notdir $(PICTURE)))
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs clean

demo: $(VENV)/installed
	$(BIN)/urform reconstruct $(PICTURE) --out out
	@echo "out/$(NAME).glb is the mesh; out/$(NAME).png shows it; open out/$(NAME).html in a browser to turn it."

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --threads 2 --pythonpath $(BIN)/python

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs site
	@echo "open site/index.html in a browser"

clean:
	rm -rf $(VENV) out site

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@
