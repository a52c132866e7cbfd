#!/usr/bin/env bash
# transformers 5.17.0, tokenizers as pip resolves it, seen 2026-11-29.
# Guess: AutoTokenizer reads tokenizer.json, and tokenizer_config.json names the class around it.
# Real: of a class with a tokenizer of its own, the file gives the vocabulary alone. A byte-level
# tokenizer that is called LlamaTokenizerFast, as DeepSeek's distills of Llama are, loses every
# space, without a word. https://github.com/huggingface/transformers/issues/45488
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.17.0
cd "$work"
venv/bin/python - <<'PY'
import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

text = "two words"
whole = Tokenizer(models.BPE())
whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
whole.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
whole.train_from_iterator([text], trainer)
PreTrainedTokenizerFast(tokenizer_object=whole).save_pretrained("model")
Path("model/config.json").write_text('{"model_type": "llama"}')
settings = Path("model/tokenizer_config.json")
found = {}
for kind in ("PreTrainedTokenizerFast", "LlamaTokenizerFast"):
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"tokenizer_class": kind}))
    read = AutoTokenizer.from_pretrained("model")
    found[kind] = read.tokenize(text)
    print(kind, found[kind])
assert found["PreTrainedTokenizerFast"] == whole.encode(text).tokens
assert not any("\u0120" in token for token in found["LlamaTokenizerFast"])
PY
