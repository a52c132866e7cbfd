#!/usr/bin/env bash
# transformers 5.17.0 with torch 2.13.0, seen 2026-11-30.
# Guess: model.safetensors.index.json says which shard a tensor is loaded from.
# Real: it says which shards are read. A tensor that lies in two of them, as one that was changed
# may in a folder that was saved into twice, is that of the last shard, whichever the index names.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.17.0
cd "$work"
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PY'
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

folder = Path("model")
config = LlamaConfig(
    vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2, tie_word_embeddings=False,
)
LlamaForCausalLM(config).save_pretrained(folder)
tensors = load_file(folder / "model.safetensors")
(folder / "model.safetensors").unlink()
name = "model.norm.weight"
first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
head = tensors.pop("lm_head.weight")
save_file({**tensors, name: torch.full((16,), 1.0)}, folder / first, {"format": "pt"})
save_file({"lm_head.weight": head, name: torch.full((16,), 2.0)}, folder / second, {"format": "pt"})
found = {}
for wanted in (first, second):
    weight_map = {one: first for one in tensors} | {"lm_head.weight": second, name: wanted}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    loaded = LlamaForCausalLM.from_pretrained(folder)
    found[wanted] = loaded.model.norm.weight[0].item()
    print("the index names", wanted, "-> loaded is that of", {1.0: first, 2.0: second}[found[wanted]])
assert found == {first: 2.0, second: 2.0}
PY
