#!/usr/bin/env bash
# transformers 5.17.0, seen 2026-11-28.
# Guess: continue_final_message=True ends the prompt with the text that was given, to the letter.
# Real: where the chat template trims its messages, as many do, the space at the end of that text is
# removed without a word. "The answer is " becomes "The answer is", and the next token is another.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.17.0 jinja2==3.1.6
"$work/venv/bin/python" - <<'PY'
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
talk = [
    {"role": "user", "content": "How was it?"},
    {"role": "assistant", "content": "The answer is "},
]
found = {}
for how in ("", " | trim"):
    template = "{% for m in messages %}[{{ m.role }}]{{ m.content" + how + " }}{% endfor %}"
    text = plain.apply_chat_template(
        talk, chat_template=template, tokenize=False, continue_final_message=True
    )
    found[how] = text.endswith(" ")
    print("trims" if how else "keeps", repr(text))
assert found == {"": True, " | trim": False}
PY
