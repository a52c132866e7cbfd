#!/usr/bin/env bash
# peft 0.21.2, transformers 5.17.0, torch 2.13.0, seen 2026-11-28.
# Guess: with its adapters disabled, a PEFT model gives the base model's outputs.
# Real: not where an adapter trained biases (bias="all") or moves the base's weights when it is
# loaded (init_lora_weights="pissa", "olora"): both stay in the base, from the moment of loading.
# Why it matters: a base model evaluated beside its adapters gets figures of neither.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==5.17.0 peft==0.21.2
HF_HUB_OFFLINE=1 "$work/venv/bin/python" -W ignore - "$work" <<'PY'
import copy
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

torch.manual_seed(0)
base = Qwen2ForCausalLM(
    Qwen2Config(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )
).eval()
ids = torch.arange(12)[None]
with torch.no_grad():
    alone = base(ids).logits
    found = {}
    for name, options in {
        "plain": {},
        "bias": {"bias": "all"},
        "pissa": {"init_lora_weights": "pissa"},
        "olora": {"init_lora_weights": "olora"},
    }.items():
        config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], **options)
        made = get_peft_model(copy.deepcopy(base), config)
        for key, weight in made.named_parameters():
            if weight.requires_grad:
                weight += 0.05 * torch.randn(weight.shape)
        made.save_pretrained(f"{sys.argv[1]}/{name}")
        loaded = PeftModel.from_pretrained(copy.deepcopy(base), f"{sys.argv[1]}/{name}").eval()
        with loaded.disable_adapter():
            found[name] = float((loaded(ids).logits - alone).abs().max())
        print(f"{name}: largest difference to the base with the adapter off: {found[name]:.3g}")
assert found["plain"] < 1e-6
assert min(found["bias"], found["pissa"], found["olora"]) > 1e-3
PY
