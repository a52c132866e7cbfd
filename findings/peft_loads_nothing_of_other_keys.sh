#!/usr/bin/env bash
# peft 0.21.2, transformers 5.17.0, torch 2.13.0, seen 2026-11-28.
# Guess: an adapter none of whose tensors has a place in the base model is an error.
# Real: it loads. A warning lists the missing keys, and the model answers as the base does, under
# the adapter's name. So do adapters of which a part has other names, in part.
# Why it matters: models whose language part was renamed (multimodal releases) meet old adapters.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==5.17.0 peft==0.21.2
HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY'
import copy
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
base = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )
).eval()
ids, folder = torch.arange(12)[None], f"{sys.argv[1]}/adapter"
with torch.no_grad(), warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    alone = base(ids).logits
    made = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, target_modules=["q_proj"]))
    for key, weight in made.named_parameters():
        if weight.requires_grad:
            weight += 0.1 * torch.randn(weight.shape)
    made.save_pretrained(folder)
    right = PeftModel.from_pretrained(copy.deepcopy(base), folder).eval()(ids).logits
    path = f"{folder}/adapter_model.safetensors"
    weights = load_file(path)
    save_file({k.replace("model.layers", "model.text.layers"): w for k, w in weights.items()}, path)
    told.clear()
    other = PeftModel.from_pretrained(copy.deepcopy(base), folder).eval()(ids).logits
print("right keys, difference to the base:", float((right - alone).abs().max()))
print("other keys, difference to the base:", float((other - alone).abs().max()))
print("told:", [str(one.message)[:60] for one in told if "missing" in str(one.message)])
assert not torch.allclose(right, alone)
assert torch.equal(other, alone)
PY
