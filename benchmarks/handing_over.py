"""Requests handed to vLLM all at once, or some before each step, in one engine.

    python benchmarks/handing_over.py --model FOLDER --samples CSV --shots CSV --out FILE.json

The prompts are those of engine_vs_chat.py. Each round takes every number of requests in turn, the
next round in the other order, with an empty prefix cache each time; an unmeasured pass comes first.
`--multiprocess` gives vLLM's core a process of its own.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import engine_vs_chat

import harness.engines.vllm as engine_module
from harness.prompts.open_format import open_format
from harness.run.prepare import prepare

AT_ONCE = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "samples", "shots", "out"):
        parser.add_argument(f"--{name}", type=lambda text: Path(text).resolve(), required=True)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--feeds", type=int, nargs="+", default=[AT_ONCE, 256, 64])
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--max-model-len", type=int, default=16384)
    parser.add_argument("--load-format")
    parser.add_argument("--multiprocess", action="store_true")
    args = parser.parse_args()
    config = engine_vs_chat.config(args, multiprocess=args.multiprocess)
    engine = engine_module.open_engine(config)
    _, spec = engine_vs_chat.study(args)
    chat = open_format("model", spec, args.model, root=engine_vs_chat.ROOT)
    rows = []
    for name, (cell, samples, shots, prompt) in engine_vs_chat.conversations(args).items():
        prepared = prepare(cell, samples, shots, prompt=prompt, chat=chat, shared="", adapter=None)
        requests = [request for row in prepared.requests for request in row]
        for number in range(-1, args.rounds):
            for feed in args.feeds[:: -1 if number % 2 else 1]:
                engine_module._FEED = feed
                assert engine._llm is not None
                engine._llm.reset_prefix_cache()
                began = time.perf_counter()
                outputs = list(engine.generate(requests))
                seconds = time.perf_counter() - began
                assert not any(output.error for output in outputs)
                if number >= 0:
                    cached = sum(output.cached_tokens for output in outputs)
                    rows.append(dict(mode=name, feed=feed, round=number, seconds=seconds,
                                     cached_tokens=cached))  # fmt: skip
                    print(rows[-1], flush=True)
    args.out.write_text(json.dumps(rows, indent=1))
    engine.close()


if __name__ == "__main__":
    main()
