#!/usr/bin/env bash
# mistral-common 1.13.1, seen 2026-11-28.
# Guess: a last assistant message with prefix=True is continued as it is, to the letter.
# Real: a space at its end is removed without a word. "The answer is " and "The answer is" are the
# same prompt, so that a label asked for behind the space is scored where it would not stand.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mistral-common==1.13.1
"$work/venv/bin/python" -W ignore - <<'PY'
from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

tokenizer = MistralTokenizer.v3(is_tekken=True)


def prompt(prefill: str) -> str:
    request = ChatCompletionRequest(
        messages=[
            UserMessage(content="How was it?"),
            AssistantMessage(content=prefill, prefix=True),
        ]
    )
    return tokenizer.encode_chat_completion(request).text


texts = [prompt("The answer is"), prompt("The answer is ")]
print(texts)
assert texts[0] == texts[1]
PY
