"""The prompts of an eval set tokenized whole, and with what they share tokenized once.

    python benchmarks/tokenizing.py --evalset evalsets/imdb.yaml --model smollm2-135m \
        --dataset VALIDATION.csv.gz --shots TRAIN.csv.gz [--out FILE.json]

No model is run. Both ways tokenize the same texts of each cell, one after the other and the next
cell in turned order; token ids are compared. Seconds of the clock, and of all processors together.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from tabulate import tabulate

from harness.collect import load_cells
from harness.prompts.open_format import open_format
from harness.prompts.templates import load_prompt
from harness.prompts.tokenize import Pieces
from harness.records import Sample
from harness.shots import Draw, select_shots
from harness.sources.assets import model_asset
from harness.sources.data import load_data

ROOT = Path(__file__).resolve().parents[1]
Rows = list[tuple[int, ...]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evalset", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset")
    parser.add_argument("--shots")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    cells = [cell for cell in load_cells(args.evalset.resolve(), ROOT) if cell.model == args.model]
    first = cells[0]
    data = load_data(first.name, first.evalset, base=ROOT, dataset=args.dataset, shots=args.shots,
                     limit=args.limit)  # fmt: skip
    folder = model_asset(first.spec, base=ROOT).path
    chat = open_format(args.model, first.spec, folder, root=ROOT)
    pool = [shot for shot in data.pool if chat.control_token(shot.text) is None]
    pieces = Pieces(chat.tokenizer)

    def whole(texts: Sequence[str]) -> Rows:
        rows = chat.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [tuple(row) for row in rows]

    ways: list[tuple[str, Callable[[Sequence[str]], Rows]]] = [
        ("whole", whole),
        ("pieces", pieces.encode),
    ]
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for number, cell in enumerate(cells):
        mode = cell.mode
        shots: list[list[Sample]] = []
        if mode.selector is not None:
            draw = Draw(pool, data.samples, list(cell.evalset.labels), mode.k, mode.seed or 0)
            shots = select_shots(mode.selector, mode.order, draw)
        assert cell.prompt is not None
        words = cell.evalset.targets(cell.prompt)
        prompt = load_prompt(cell.prompt.template, words, root=ROOT)
        texts = chat.texts(prompt.conversations(data.samples, shots, mode.placement))
        results = []
        for name, encode in ways[:: -1 if number % 2 else 1]:
            clock, processors = time.perf_counter(), time.process_time()
            results.append(encode(texts))
            for place in (mode.placement or "zero-shot", "all"):
                found[place][f"{name} s"] += time.perf_counter() - clock
                found[place][f"{name} cpu s"] += time.process_time() - processors
        assert results[0] == results[1], f"{cell.id}: other tokens"
        for place in (mode.placement or "zero-shot", "all"):
            found[place]["tokens"] += sum(map(len, results[0]))
    rows = [
        {
            "placement": place,
            **{name: round(value, 2) for name, value in own.items()},
            "ratio": round(own["whole s"] / own["pieces s"], 2),
            "cpu ratio": round(own["whole cpu s"] / own["pieces cpu s"], 2),
        }
        for place, own in sorted(found.items(), key=lambda item: item[0] == "all")
    ]
    print(f"{len(cells)} cells, {len(data.samples)} samples, {os.cpu_count()} processors")
    print(tabulate(rows, headers="keys", tablefmt="github"))
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
