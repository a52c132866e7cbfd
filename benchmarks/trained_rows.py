"""How well copies of texts are found among an adapter's training rows, and how long it takes.

    python benchmarks/trained_rows.py                       # 100,000 rows
    python benchmarks/trained_rows.py --real ROWS.jsonl     # dialogues in the schema of recipes

Rows are drawn: a question and an answer of 12 to 80 words each, whose frequencies fall as in
language, with line breaks; a fifth have the same instruction above the question. Of 2,000 a text is
asked for in another form (case, the dots of a Cyrillic letter, white space, quotes), of 2,000 with
words changed until 80% of the triples of either text are shared, of 2,000 until 80% of its own are;
20,000 texts were never trained on, 2,000 of them with that instruction above. With --real, half of
the file's dialogues are trained on, the first questions of the others are asked for, and what is
found is shown. Times are processor time of one core.

On two cores of an EPYC with other work beside it, seed 0: found are 2,000 of 2,000 in another form,
2,000 of 2,000 and 1,981 of 2,000 with words changed, and 0 of 20,000 never trained on. Recorded in
28.9 s, 46.5 MB; read, and 2,000 texts checked, in 1.9 s.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from harness.jsontext import json_value
from harness.records import Message
from harness.shots.leaks import normal_text
from harness.train.rows import read_messages
from harness.train.signatures import word_hashes
from harness.train.trained_rows import (
    TRAINED_ROWS,
    matches,
    read_trained_rows,
    trained_rows,
    write_trained_rows,
)

_INSTRUCTION = "Decide whether the review below is positive or negative, in a single word."
_VOCABULARY = 30_000
_LETTERS = ["\u0435", "\u0451"]
_PLANTED = 2_000
Triples = set[tuple[int, ...]]
Row = tuple[int, tuple[Message, ...]]


class Texts:
    """Draws texts of words whose frequency falls with their rank."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        letters = "абвгдеёжзиклмнопрстуфхцчшыя"
        self.words = ["".join(self.rng.choices(letters, k=self.rng.randint(2, 10)))
                      for _ in range(_VOCABULARY)]  # fmt: skip
        self.weights = list(accumulate(1 / (rank + 3) for rank in range(_VOCABULARY)))

    def text(self, low: int, high: int) -> str:
        """Return a text of so many words, with commas, full stops and at times line breaks."""
        words = self.rng.choices(
            self.words, cum_weights=self.weights, k=self.rng.randint(low, high)
        )
        joints = self.rng.choices([" ", ", ", ". ", "\n"], [80, 10, 8, 2], k=len(words) - 1)
        return "".join(word + joint for word, joint in zip(words, [*joints, "."], strict=True))

    def row(self, number: int) -> Row:
        """Return a dialogue; every fifth has an instruction above its text."""
        question = self.text(12, 80)
        if number % 5 == 0:
            question = f"{_INSTRUCTION}\n\n{question}"
        return number, ({"role": "user", "content": question},
                        {"role": "assistant", "content": self.text(12, 80)})  # fmt: skip

    def formed(self, text: str) -> str:
        """Return a text in another form."""
        dotless, dotted = self.rng.sample(_LETTERS, 2)
        text = text.replace(dotless, dotted)
        text = self.rng.choice([str.upper, str.title, str.lower])(text)
        text = "".join("  \t " if one == " " and self.rng.random() < 0.3 else one for one in text)
        return self.rng.choice(["{}", " {}\n", "«{}»", '"{}"', "{}!"]).format(text)

    def changed(self, text: str, share: Callable[[Triples, Triples], float]) -> str:
        """Return a text with words changed while at least 80% are shared."""
        words, old = text.split(), triples(text)
        for place in self.rng.sample(range(len(words)), len(words)):
            before, words[place] = words[place], self.rng.choice(self.words)
            if share(old, triples(" ".join(words))) < 0.8:
                words[place] = before
        return " ".join(words)


def triples(text: str) -> Triples:
    """Return the word triples of a text."""
    words = word_hashes(normal_text(text))
    return {tuple(words[place : place + 3]) for place in range(len(words) - 2)}


def of_both(one: Triples, other: Triples) -> float:
    """Return the share of the triples of either text that both have."""
    return len(one & other) / len(one | other)


def of_own(one: Triples, other: Triples) -> float:
    """Return the share of the first text's triples that the other has."""
    return len(one & other) / len(one)


def drawn(count: int, seed: int) -> None:
    """Plant copies in drawn rows, and print what is found of them and how long it took."""
    texts = Texts(seed)
    rows = [texts.row(number + 1) for number in range(count)]
    began = time.process_time()
    kept = trained_rows(rows)
    recorded = time.process_time() - began
    with tempfile.TemporaryDirectory() as folder:
        write_trained_rows(kept, Path(folder))
        size = (Path(folder) / TRAINED_ROWS).stat().st_size
        began = time.process_time()
        again = read_trained_rows(Path(folder))
        assert again is not None
        chosen = texts.rng.sample(rows, 3 * _PLANTED)
        # Every other one is looked for in the answer.
        own = [row[1][place % 2]["content"] for place, row in enumerate(chosen)]
        planted = {
            "another form": [texts.formed(one) for one in own[:_PLANTED]],
            "80% of both texts' triples": [
                texts.changed(one, of_both) for one in own[_PLANTED : 2 * _PLANTED]
            ],
            "80% of the text's own triples": [
                texts.changed(one, of_own) for one in own[2 * _PLANTED :]
            ],
            "never trained on": [texts.text(3, 80) for _ in range(9 * _PLANTED)],
            "never trained on, an instruction above": [
                f"{_INSTRUCTION}\n\n{texts.text(12, 80)}" for _ in range(_PLANTED)
            ],
        }
        for name, asked in planted.items():
            found = [one for one in matches(again, asked) if one is not None]
            print(f"{name}: {len(found)} of {len(asked)} found ({len(found) / len(asked):.2%}), "
                  f"{sum(one.exact for one in found)} as exact")  # fmt: skip
        began = time.process_time()
        read = read_trained_rows(Path(folder))
        assert read is not None
        matches(read, planted["never trained on"][:_PLANTED])
        checked = time.process_time() - began
    print(f"{count:,} rows: recorded in {recorded:.1f} s, {size / 1e6:.1f} MB")
    print(f"read, and {_PLANTED:,} texts checked, in {checked:.1f} s")


def real(path: Path) -> None:
    """Train on half of a file's dialogues, and print what is found of the others' questions."""
    rows: list[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        given = json_value(line)
        problem, messages = read_messages(json.dumps(given["messages"]))
        if problem is None:
            rows.append((number, messages))
    asked = {number: next(m["content"] for m in messages if m["role"] == "user")
             for number, messages in rows[1::2]}  # fmt: skip
    known = dict(rows)
    found = matches(trained_rows(rows[::2]), list(asked.values()))
    for number, one in zip(asked, found, strict=True):
        if one is not None:
            kind = "exact" if one.exact else "near"
            print(f"{kind}: {asked[number][:100]!r} | {known[one.row][0]['content'][:100]!r}")
    print(f"{sum(one is not None for one in found)} of {len(found)} found")


def main(given: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", type=Path)
    options = parser.parse_args(given)
    if options.real:
        real(options.real)
    else:
        drawn(options.rows, options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
