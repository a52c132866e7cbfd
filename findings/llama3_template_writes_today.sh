#!/usr/bin/env bash
# transformers 5.17.0 with the Llama 3.2 and gpt-oss templates in the wheel of trl 1.15.0, seen
# 2026-11-28.
# Guess: a chat template is a function of the conversation.
# Real: both ask the clock, so that one conversation is another prompt tomorrow. Llama 3.2's takes
# `date_string` instead, as an argument of apply_chat_template; gpt-oss's takes none.
# Why it matters: stored outputs are never found again, and figures move from day to day.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.17.0 jinja2==3.1.6
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps trl==1.15.0
"$work/venv/bin/python" - <<'PY'
import datetime
import importlib.util
import pathlib

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

folder = pathlib.Path(importlib.util.find_spec("trl").origin).parent / "chat_templates"
plain = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), bos_token="<s>")
talk, today = [{"role": "user", "content": "Hi"}], datetime.date.today()
for name, form in {"llama3_2": "%d %b %Y", "gptoss": "%Y-%m-%d"}.items():
    template = (folder / f"{name}.jinja").read_text(encoding="utf-8")
    render = lambda **more: plain.apply_chat_template(  # noqa: E731
        talk, chat_template=template, tokenize=False, **more
    )
    print(name, "writes", today.strftime(form), today.strftime(form) in render())
    assert today.strftime(form) in render()
    told = "01 Jan 2020" in render(date_string="01 Jan 2020")
    print(name, "takes date_string", told)
    assert told is (name == "llama3_2")
PY
