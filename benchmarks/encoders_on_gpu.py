"""Hold the engine `encoder` on a GPU to transformers there, and to itself on the processor.

Encoders of several families with random weights answer 64 texts of 3 to 32 tokens, and one of BERT
base's shape 2,000 texts of 18 to 511 tokens, in float32. transformers is asked one text by one.
Without a GPU both sides run on the processor:

    python benchmarks/encoders_on_gpu.py --out FILE
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from harness.engines import open_engine
from harness.records import EngineConfig, Request, Sampling

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from encoders import KINDS, NLI, make_encoder  # type: ignore[import-not-found]

Row = tuple[int, ...]
Logits = list[tuple[float, ...]]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072}  # fmt: skip
SAMPLING = Sampling(score_ids=tuple(range(len(NLI))), logits=True)


def by_engine(folder: Path, device: str, rows: Sequence[Row], window: int) -> tuple[Logits, float]:
    """Return the engine's logits, and the seconds that they took behind the first 64."""
    engine = open_engine(EngineConfig("encoder", str(folder), "float32", device, window))
    requests = [Request(str(place), row, SAMPLING) for place, row in enumerate(rows)]
    list(engine.generate(requests[:64]))
    began = time.perf_counter()
    found = {output.key: output.logprobs for output in engine.generate(requests)}
    seconds = time.perf_counter() - began
    engine.close()
    return [found[request.key] for request in requests], seconds


def by_transformers(folder: Path, rows: Sequence[Row]) -> tuple[Logits, float]:
    """Return transformers' logits, one text after the other, and the seconds."""
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval().to(DEVICE)
    with torch.inference_mode():
        began = time.perf_counter()
        found = [
            tuple(model(torch.tensor([row], device=DEVICE)).logits[0].tolist()) for row in rows
        ]
        return found, time.perf_counter() - began


def apart(first: Logits, second: Logits) -> dict[str, float]:
    """Return the greatest difference of logits, and how many texts have another class."""
    tops = [[max(range(len(one)), key=one.__getitem__) for one in side] for side in (first, second)]
    far = max(abs(a - b) for one, two in zip(first, second, strict=True)
              for a, b in zip(one, two, strict=True))  # fmt: skip
    return {"far": far, "other_class": sum(a != b for a, b in zip(*tops, strict=True))}


def kinds() -> dict[str, dict[str, dict[str, float]]]:
    """Return how far the sides are apart for each family."""
    rows = [(0, *(5 + (7 * i + 3 * j) % 30 for j in range(n)), 2)
            for i, n in enumerate((2, 9, 4, 20, 20, 7, 1, 30) * 8)]  # fmt: skip
    found = {}
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as name:
            folder = make_encoder(Path(name), kind, classes=NLI)
            here, _ = by_engine(folder, DEVICE, rows, 64)
            found[kind] = {
                "transformers": apart(here, by_transformers(folder, rows)[0]),
                "processor": apart(here, by_engine(folder, "cpu", rows, 64)[0]),
            }
        print(kind, found[kind], flush=True)
    return found


def base(texts: int) -> dict[str, object]:
    """Return seconds and differences at BERT base's shape."""
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(16, 510, (texts,), generator=draw).tolist()
    rows = [(0, *torch.randint(5, 40, (n,), generator=draw).tolist(), 2) for n in lengths]
    with tempfile.TemporaryDirectory() as name:
        folder = make_encoder(Path(name), "bert", classes=NLI, length=512)
        torch.manual_seed(0)
        shape = AutoConfig.from_pretrained(folder, **BASE)
        AutoModelForSequenceClassification.from_config(shape).save_pretrained(folder)
        here, seconds = by_engine(folder, DEVICE, rows, 513)
        there, alone = by_transformers(folder, rows)
    found: dict[str, object] = {
        "texts": texts,
        "tokens": sum(map(len, rows)),
        "engine_s": seconds,
        "transformers_one_by_one_s": alone,
        **apart(here, there),
    }
    print("BERT base's shape", found, flush=True)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    device = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    found = {"device": device, "torch": torch.__version__, "kinds": kinds(),
             "base": base(given.texts)}  # fmt: skip
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
