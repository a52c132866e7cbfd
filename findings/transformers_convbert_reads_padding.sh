#!/usr/bin/env bash
# transformers 5.17.0 and torch 2.13.0, seen 2026-12-01.
# Guess: with its attention mask, a text in a padded batch is classified as it is by itself.
# Real: ConvBERT's convolutions know no mask and read the embedding of the padding token behind the
# text: its logits are others, without a word. BERT's are the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.17.0 torch==2.13.0
"$work/venv/bin/python" - <<'PY'
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification


def apart(kind, **more):
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_labels=3, pad_token_id=1, initializer_range=0.5, **more,
    )
    model = AutoModelForSequenceClassification.from_config(config).eval()
    text = torch.randint(2, 64, (1, 10))
    padded = torch.nn.functional.pad(text, (0, 6), value=1)
    mask = torch.tensor([[1] * 10 + [0] * 6])
    with torch.no_grad():
        alone = model(text, attention_mask=torch.ones_like(text)).logits
        beside = model(padded, attention_mask=mask).logits
    return float((alone - beside).abs().max())


bert, convbert = apart("bert"), apart("convbert", embedding_size=32, conv_kernel_size=3)
print("bert", bert)
print("convbert", convbert)
assert bert < 1e-4
assert convbert > 1e-3
PY
