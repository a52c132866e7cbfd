#!/usr/bin/env bash
# Chat templates in the wheel of trl 1.15.0, rendered by jinja2 3.1.6, seen 2026-11-28.
# Guess: with thinking switched off, the prompts of reasoning models end alike, so that a label can
# be scored at their end.
# Real: Qwen3 ends in an empty closed thought, or in none where thinking is on; Qwen3.6 leaves a
# thought open unless it is switched off; the distills of DeepSeek R1 always open one and read no
# switch. At the end of an open thought the next token is a thought's, not the answer's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
  trl==1.15.0 jinja2==3.1.6 markupsafe==3.0.3
"$work/venv/bin/python" - <<'PY'
import importlib.util
import json
import pathlib

from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

folder = pathlib.Path(importlib.util.find_spec("trl").origin).parent / "chat_templates"
env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
env.filters["tojson"] = json.dumps
ends = {}
for name in ("qwen3", "qwen3_6", "deepseek_r1_distill"):
    template = env.from_string((folder / f"{name}.jinja").read_text(encoding="utf-8"))
    for switch in ({}, {"enable_thinking": False}):
        text = template.render(
            messages=[{"role": "user", "content": "Hi"}], add_generation_prompt=True,
            bos_token="", eos_token="", **switch,
        )
        last = text[max(text.rfind("<think>"), 0):] if "<think>" in text else ""
        ends[name, bool(switch)] = (
            "none" if not last else "closed" if "</think>" in last else "open"
        )
        print(name, "off" if switch else "default", repr(text[-24:]))
assert ends == {
    ("qwen3", False): "none", ("qwen3", True): "closed",
    ("qwen3_6", False): "open", ("qwen3_6", True): "closed",
    ("deepseek_r1_distill", False): "open", ("deepseek_r1_distill", True): "open",
}, ends
PY
