#!/usr/bin/env bash
# xgrammar 0.2.8, the grammar library behind vLLM's structured outputs, seen 2026-11-30.
# Guess: the same strings cost the same, however a grammar spells a bound on their length.
# Real: with the bound as a repetition of alternatives, {0,240}, the mask of the next token is
# thousands of times as expensive as with a chain of 240 rules that takes the same strings, at every
# token. The chain costs more to compile.
# Why it matters: verdicts of a small judge took a GPU for a second each, nearly all of it masks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 xgrammar==0.2.8 numpy==2.3.5
"$work/venv/bin/python" - <<'PY'
import itertools
import string
import time

import xgrammar

# One token a byte, 17,576 of three letters, and one that ends.
words = ["".join(one).encode() for one in itertools.product(string.ascii_lowercase, repeat=3)]
vocabulary = [bytes([value]) for value in range(256)] + words + [b"<end>"]
info = xgrammar.TokenizerInfo(vocabulary, stop_token_ids=[len(vocabulary) - 1])
plain, escaped = r'[^"\\\x00-\x1f\x7f]', r'"\\" ["\\nrt]'
chain = "\n".join(
    f'most_{n} ::= {plain} {f"most_{n - 1}" if n > 1 else ""} | '
    f'{escaped} {f"most_{n - 1}" if n > 1 else ""} | ""'
    for n in range(1, 241)
)
GRAMMARS = {
    "a repetition": rf'root ::= "\"" ({plain} | {escaped}){{0,240}} "\""',
    "a chain": rf'root ::= "\"" most_240 "\""' + "\n" + chain,
}
text = '"he said ' + r"\"no\"" + ' and left"'
found = {}
for name, grammar in GRAMMARS.items():
    began = time.process_time()
    compiled = xgrammar.GrammarCompiler(info, max_threads=1).compile_grammar(grammar)
    compiling = time.process_time() - began
    matcher = xgrammar.GrammarMatcher(compiled, terminate_without_stop_token=True)
    mask = xgrammar.allocate_token_bitmask(1, info.vocab_size)
    times = []
    for value in text.encode():
        began = time.process_time()
        matcher.fill_next_token_bitmask(mask, 0)
        times.append(time.process_time() - began)
        assert matcher.accept_token(value)
    assert matcher.is_terminated()
    found[name] = sum(times) / len(times)
    print(f"{name}: compiled in {compiling:.2f} s, {found[name] * 1000:.3f} ms a mask")
print(f"ratio of masks: {found['a repetition'] / found['a chain']:.0f}")
assert found["a repetition"] > 50 * found["a chain"], found
PY
