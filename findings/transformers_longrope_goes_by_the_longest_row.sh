#!/usr/bin/env bash
# transformers 5.17.0 and torch 2.13.0, seen 2026-11-29.
# Guess: a row of a batch has the logits that it has by itself, rounding aside.
# Real: of rope_type longrope (Phi-3, Phi-4-mini), the longest row says for all which factors their
# positions get. A short prompt beside a long one is computed otherwise, without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.17.0 torch==2.13.0
"$work/venv/bin/python" - <<'PY'
import torch
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
rope = {
    "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 16,
    "short_factor": [1.0] * 4, "long_factor": [1.0, 2.0, 3.0, 4.0],
}
config = LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
    num_attention_heads=4, max_position_embeddings=64, rope_parameters=rope,
    initializer_range=0.3,
)
model = LlamaForCausalLM(config).eval()
short, long = torch.randint(64, (1, 10)), torch.randint(64, (1, 20))
mask = torch.tensor([[1] * 10 + [0] * 10, [1] * 20])
both = torch.cat([torch.nn.functional.pad(short, (0, 10)), long])
with torch.no_grad():
    alone = model(short).logits[0, 9]
    beside = model(both, attention_mask=mask).logits[0, 9]
    fine = model(both[:, :16], attention_mask=mask[:, :16]).logits[0, 9]
print("beside 16 tokens", float((alone - fine).abs().max()))
print("beside 20 tokens", float((alone - beside).abs().max()))
assert torch.allclose(alone, fine, atol=1e-4)
assert not torch.allclose(alone, beside, atol=1e-2)
PY
