#!/usr/bin/env bash
# transformers 5.17.0 (`transformers serve`) with torch 2.13.0, seen 2026-11-30.
# Guess: an endpoint that cannot hold an answer to a JSON schema, or tell log-probabilities, refuses
# the request, or says so.
# Real: it answers with status 200 as if neither had been asked for: text in no form, and no
# log-probabilities. Only the server's own log has a line on fields that are ignored.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==5.17.0 accelerate==1.15.0 fastapi==0.136.3 uvicorn==0.54.0 jinja2==3.1.6 \
  requests==2.34.2 aiohttp==3.14.5 openai==3.57.0 pydantic==2.14.4
cd "$work"
export HF_HUB_OFFLINE=1
"$work/venv/bin/python" - <<'PY'
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

letters = sorted(pre_tokenizers.ByteLevel.alphabet())
vocabulary = {letter: number for number, letter in enumerate([*letters, "<end>"])}
tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>")
fast.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
fast.save_pretrained("model")
LlamaForCausalLM(LlamaConfig(
    vocab_size=len(vocabulary), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
    num_attention_heads=2, num_key_value_heads=2, eos_token_id=None, bos_token_id=None,
)).save_pretrained("model")
PY
port=$("$work/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/transformers" serve "$work/model" --device cpu --host 127.0.0.1 --port "$port" >log 2>&1 &
server=$!
"$work/venv/bin/python" - "$port" "$work/model" <<'PY'
import json
import sys
import time
import urllib.request

base = f"http://127.0.0.1:{sys.argv[1]}"
for _ in range(600):
    try:
        urllib.request.urlopen(f"{base}/health", timeout=2)
        break
    except OSError:
        time.sleep(0.5)
schema = {"type": "object", "properties": {"score": {"enum": [1, 2]}}, "required": ["score"]}
body = {
    "model": sys.argv[2], "max_tokens": 12, "logprobs": True, "top_logprobs": 2,
    "messages": [{"role": "user", "content": "Score it."}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "v", "schema": schema}},
}
request = urllib.request.Request(
    f"{base}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
)
with urllib.request.urlopen(request, timeout=100) as answer:
    status, choice = answer.status, json.load(answer)["choices"][0]
text = choice["message"]["content"]
try:
    json.loads(text)
    is_json = True
except ValueError:
    is_json = False
print("status", status, "| JSON:", is_json, "| log-probabilities:", choice.get("logprobs"))
assert (status, is_json, choice.get("logprobs")) == (200, False, None)
PY
