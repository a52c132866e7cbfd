#!/usr/bin/env bash
# gguf 0.19.0, seen 2026-11-29.
# Guess: get_tensor_name_map(architecture, layers) says what a file of that architecture calls a
# weight, whatever was asked before.
# Real: building the map of some architectures changes a table that all maps share. After one call
# for Arctic, Llama's map knows a weight no more; transformers, which goes by these maps, then reads
# a GGUF file of Llama without that weight.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check gguf==0.19.0
"$work/venv/bin/python" - <<'PY'
from gguf import MODEL_ARCH, get_tensor_name_map

NAME = "model.layers.0.post_attention_layernorm"
before = get_tensor_name_map(MODEL_ARCH.LLAMA, 1).get_name(NAME)
guilty = []
for architecture in MODEL_ARCH:
    get_tensor_name_map(architecture, 1)
    now = get_tensor_name_map(MODEL_ARCH.LLAMA, 1).get_name(NAME)
    if now != before:
        print(f"{NAME} is {before} for llama, and {now} after a map of {architecture.name}")
        guilty.append(architecture.name)
        break
assert before == "blk.0.ffn_norm"
assert guilty
PY
