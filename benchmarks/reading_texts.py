"""Do parsers of what models and servers write take time in proportion to its length?

    python benchmarks/reading_texts.py [--length 20000]

Each parser reads texts of one, four and sixteen lengths, made of one piece over and over: by
itself, as a verdict's reason, key, number, behind and after a verdict. The table has each parser's
slowest text, its time at sixteen lengths, and the most by which sixteen times the length took
longer than four times: 4 is in proportion, 16 is the square.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tabulate import tabulate

from harness.engines import told_line
from harness.engines.top_logprobs import Position, value_logprobs
from harness.judge.points import PointsAsked, read_points
from harness.judge.verdict import read_absolute, read_pairwise, score_prefix, score_words
from harness.markdown import escape, fenced, html, quoted
from harness.masking import Mask, bare_addresses
from harness.prompts.fence import neutralise
from harness.prompts.thoughts import split_served
from harness.records import Output
from harness.scorers.match import parse_label

PIECES = (
    "a", " ", "\n", "9", "-", "{", "[", ",", "<", "`", "~", "\\\\", '\\"', "\\u00e9", "\\ud83d",
    '"score":', '\\"score\\":', '"k":1,', '"score": 7 ', "<think>", "</think>", "://", "://a?b@",
    "\u0301", "\ufdfa", "\x1b[0", "\x9d", "not ", "\u00ac", "QUJD", "%41", "</answer",
)  # fmt: skip
SHAPES = {
    "alone": "{}",
    "reason": '{{"reason": "{}", "score": 7}}',
    "key": '{{"reason": "a", "{}": 7}}',
    "number": '{{"reason": "a", "score": {}}}',
    "behind": '{{"reason": "a", "score": 7{}}}',
    "after": '{{"reason": "a", "score": 7}}{}',
}
_TOKENS = (Position(b'"score": ', {}), Position(b"7", {b"7": -0.1, b"8": -2.5}), Position(b"}", {}))
_ASKED = PointsAsked(1, True, "the answer")
_MASK = Mask(["sk-0123456789abcdef"])
_MET = Output("k", '{"quote_1": "a", "verdict_1": "met"}', finish_reason="stop")
PARSERS: dict[str, Callable[[str], object]] = {
    "a score": lambda text: read_absolute(Output("k", text)),
    "a choice": lambda text: read_pairwise(Output("k", text)),
    "points": lambda text: read_points(Output("k", text), _ASKED),
    "a quote in a long answer": lambda text: read_points(_MET, PointsAsked(1, True, text)),
    "up to the score": score_prefix,
    "around the score": score_words,
    "its log-probabilities": lambda text: value_logprobs(text, _TOKENS, ("7", "8")),
    "a thought": split_served,
    "a label": lambda text: parse_label(text, {"yes": "yes", "no": "no"}),
    "what a server said": lambda text: told_line(text, _MASK),
    "keys": _MASK.text,
    "addresses": bare_addresses,
    "a fence": neutralise,
    "markdown": lambda text: escape(text, limit=len(text)),
    "a quote in markdown": lambda text: quoted(text, limit=len(text)),
    "a block in markdown": fenced,
    "HTML": lambda text: html(text, limit=len(text)),
}


def seconds(read: Callable[[str], object], text: str) -> float:
    """Return the shorter of two times."""
    took = []
    for _ in range(2):
        began = time.process_time()
        read(text)
        took.append(time.process_time() - began)
    return min(took)


def measure(read: Callable[[str], object], length: int) -> tuple[float, str, float, str]:
    """Return a parser's longest time and its text, and its steepest growth and its text."""
    slowest, steepest = (0.0, ""), (0.0, "")
    for name, shape in SHAPES.items():
        for piece in PIECES:
            texts = [shape.format(piece * (times * length // len(piece))) for times in (4, 16)]
            some, many = (seconds(read, text) for text in texts)
            told = f"{name}: {piece!r}"
            slowest = max(slowest, (many, told))
            # Below two milliseconds the clock and the collector are measured.
            if some > 0.002:
                steepest = max(steepest, (many / some, told))
    return *slowest, *steepest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--length", type=int, default=20_000, help="characters, times 4 and 16")
    given = parser.parse_args()
    rows = []
    for name, read in PARSERS.items():
        longest, of, growth, by = measure(read, given.length)
        rows.append((name, f"{longest * 1000:.0f} ms", of, f"{growth:.1f}" if growth else "-", by))
        print(*rows[-1], sep="  ", flush=True)
    print(tabulate(rows, headers=("read", "longest", "of", "growth", "by")), flush=True)


if __name__ == "__main__":
    main()
