"""How often a report claims what is not so, and finds what is: families of questions against Holm.

    python benchmarks/family_tests.py                      # an hour of one core
    python benchmarks/family_tests.py --repeats 40 --processes 2

Prints the table of docs/statistics.md. A report like that of `make eval` is drawn again and again:
one model, two wordings, zero-shot and five shots in three places, two trained classifiers, 300 or
2,000 samples. Log-odds are normal, with the correlations between cells that SmolLM2-135M has there
(rank-normalised within each class), and every cell has an AUC of 0.863; where a gain is planted,
one of the six few-shot cells in turn has 0.049 more, which is five points of accuracy. The
comparisons of each report are those of the product, from the same draw.
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import Generator
from scipy.special import expit, logit
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from tabulate import tabulate

from harness.analysis.compare_cells import compare
from harness.analysis.findings import ALPHA, Comparison
from harness.analysis.questions import questions
from harness.analysis.tested import Cells, all_tests
from harness.records import Figure, Placement, Result, Row
from harness.stats import Floats, auc

AREA, GAIN = 0.863, 0.049
SET = "evalsets/simulated.yaml"
_PLACES: tuple[Placement | None, ...] = (None, "system", "user", "chat")
_SCHEMES = ("Holm, all", "Benjamini-Hochberg, all", "Holm, each question", "families of questions")
_FEWSHOT = (1, 2, 3, 5, 6, 7)
# Of zero-shot and shots in system, user and chat turns, within a wording.
_WORDING = np.array([[1.00, 0.75, 0.72, 0.50], [0.75, 1.00, 0.84, 0.53],
                     [0.72, 0.84, 1.00, 0.48], [0.50, 0.53, 0.48, 1.00]])  # fmt: skip
_WORDINGS, _CLASSIFIERS, _APART = 0.45, 0.78, 0.22


def _row(cell: str, model: str, prompt: str, place: Placement | None, trained: int = 0) -> Row:
    return Row(
        evalset=SET, cell=cell, model=model, prompt=prompt,
        mode="zeroshot" if place is None else f"fewshot5-{place}-s0",
        k=0 if place is None else 5, placement=place, selector=place and "balanced",
        seed=None if place is None and not trained else 0, scoring="logprobs", n=0, unscored=0,
        reasons={}, figures={}, shares={}, targets={"positive": 0.5, "negative": 0.5},
        prompt_tokens=0.0, train_rows=trained,
    )  # fmt: skip


ROWS = (
    *(_row(f"m-{prompt}-{place}", "m", prompt, place) for prompt in "ab" for place in _PLACES),
    _row("rnn", "rnn", "", None, 1000),
    _row("tfidf", "tfidf", "", None, 1000),
)


def correlations() -> Floats:
    """Return the correlations of the ten cells' log-odds within a class, of shape [10, 10]."""
    found = np.full((10, 10), _APART)
    found[:8, :8] = _WORDINGS
    found[:4, :4] = found[4:8, 4:8] = _WORDING
    found[8:, 8:] = _CLASSIFIERS
    np.fill_diagonal(found, 1.0)
    return found


def drawn(n: int, gain: float, better: int, rng: Generator) -> tuple[list[Row], list[Result]]:
    """Return a report's rows and results."""
    positive = np.arange(n) < n // 2
    noise = np.linalg.cholesky(correlations()) @ rng.normal(size=(len(ROWS), n))
    rows, results = [], []
    for at, row in enumerate(ROWS):
        area = AREA + gain * (at == better)
        odds = noise[at] + 2**0.5 * norm.ppf(area) * (positive - 0.5)
        threshold = logit(expit(odds).mean())
        raw, calibrated = odds > 0, odds > threshold
        for i in range(n):
            target = "positive" if positive[i] else "negative"
            results.append(
                _result(row, f"{i:05}", target, bool(raw[i]), bool(calibrated[i]), float(odds[i]))
            )
        figures = {
            "accuracy": float((raw == positive).mean()),
            "calibrated_accuracy": float((calibrated == positive).mean()),
            "auc": auc(odds, positive),
        }
        known = {name: Figure(value, 0.0, 1.0, n) for name, value in figures.items()}
        rows.append(replace(row, n=n, figures=known))
    return rows, results


def _result(row: Row, sample: str, target: str, raw: bool, calibrated: bool, odds: float) -> Result:
    answer = "positive" if raw else "negative"
    return Result(
        evalset=SET, cell=row.cell, sample=sample, prompt_key="", text="", target=target,
        answer=answer, calibrated="positive" if calibrated else "negative",
        correct=answer == target, reason=None, logprobs={}, log_odds=odds,
    )  # fmt: skip


def claims(found: Sequence[Comparison]) -> dict[str, list[tuple[Comparison, int]]]:
    """Return what each scheme says of the comparisons that it makes: 1 better, -1 worse, 0."""
    every = [c for c in found if not (c.kind == "wording" and c.figure == "auc")]
    primary = [c for c in found if c.primary]
    return {
        "Holm, all": _signed(every, "holm", lambda _: 0),
        "Benjamini-Hochberg, all": _signed(every, "fdr_bh", lambda _: 0),
        "Holm, each question": _signed(primary, "holm", lambda c: c.kind),
        "families of questions": [(c, c.sign) for c in primary],
    }


def _signed(
    found: Sequence[Comparison], method: str, family: Callable[[Comparison], object]
) -> list[tuple[Comparison, int]]:
    """Adjust the p-values of each family; those that were picked count all that could have been."""
    said = []
    for name in dict.fromkeys(map(family, found)):
        own = [c for c in found if family(c) == name]
        adjusted = multipletests([_counted(c) for c in own], method=method)[1]
        said += [(c, int(np.sign(c.value)) if p < ALPHA else 0)
                 for c, p in zip(own, adjusted, strict=True)]  # fmt: skip
    return said


def _counted(c: Comparison) -> float:
    picked = c.kind == "best" or (c.kind == "trained" and c.value > 0)
    return min(1.0, c.difference.p * (c.chosen_of if picked else 1))


def one_report(n: int, gain: float, seed: int) -> Counter[tuple[str, str]]:
    """Draw a report and return what each scheme claims in it: any, a question, the planted ones."""
    better_cell = _FEWSHOT[seed % len(_FEWSHOT)]
    rng = np.random.default_rng([n, round(1000 * gain), seed])
    rows, results = drawn(n, gain, better_cell, rng)
    cells = Cells(results)
    found = compare(all_tests(rows, cells), cells)
    counts: Counter[tuple[str, str]] = Counter()
    for scheme, said in claims(found).items():
        shown = [c for c, sign in said if sign]
        counts[scheme, "any"] += bool(shown)
        for kind in {c.kind for c in shown}:
            counts[scheme, kind] += 1
        # As the report's verdicts do: Holm's over all figures takes AUC or calibrated accuracy.
        better = [c for c, sign in said if sign > 0 and (c.primary or c.figure != "accuracy")]
        counts[scheme, "planted"] += any(
            c.kind == "shots" and c.second.cell == ROWS[better_cell].cell for c in better
        )
        counts[scheme, "best of 8"] += any(
            c.kind == "trained" and c.first.cell == "rnn" for c in better
        )
    pooled = next(q for q in questions(rows, cells, found) if q.kind == "shots")
    counts["mean over the six", "any"] += pooled.sign != 0
    return counts


def simulated(
    n: int, gain: float, repeats: int, pool: ProcessPoolExecutor
) -> Counter[tuple[str, str]]:
    """Return the counts over many reports."""
    total: Counter[tuple[str, str]] = Counter()
    for counts in pool.map(partial(one_report, n, gain), range(repeats), chunksize=8):
        total += counts
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=800)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.processes) as pool:
        null = {n: simulated(n, 0.0, asked.repeats, pool) for n in (300, 2000)}
        planted = simulated(300, GAIN, asked.repeats, pool)
    lines = []
    for scheme in _SCHEMES:
        line = [scheme]
        for n in (300, 2000):
            kinds = [count for (name, what), count in null[n].items()
                     if name == scheme and what not in ("any", "planted", "best of 8")]  # fmt: skip
            line += [f"{count / asked.repeats:.1%}"
                     for count in (null[n][scheme, "any"], max(kinds, default=0))]  # fmt: skip
        line += [f"{planted[scheme, what] / asked.repeats:.1%}"
                 for what in ("planted", "best of 8")]  # fmt: skip
        lines.append(line)
    print(f"{asked.repeats} reports each\n")
    print(tabulate(lines, tablefmt="github", disable_numparse=True, headers=[
        "scheme", "false claim anywhere, n = 300", "in the worst question", "anywhere, n = 2,000",
        "in the worst question", "finds the better cell, n = 300", "the best of 8 ahead, n = 300",
    ]))  # fmt: skip
    means = ", ".join(f"{null[n]['mean over the six', 'any'] / asked.repeats:.1%} (n = {n})"
                      for n in null)  # fmt: skip
    print(f"\nThe mean over the six few-shot cells, false: {means}")


if __name__ == "__main__":
    main()
