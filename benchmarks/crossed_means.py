"""Whether a question's mean holds the truth over samples, draws of shots and prompts.

    python benchmarks/crossed_means.py --repeats 1000

Zeros and ones with the correlations of one model's cells: a sample is hard for all prompts, harder
for some, and few-shot moves it by its own amount. Draws of shots differ by 3.3 points in standard
deviation, prompts in what shots do to them by 4. Part of benchmarks/coverage.py.
"""

from __future__ import annotations

import argparse

import numpy as np
from tabulate import tabulate

from harness.stats import Floats
from harness.stats.pooled import pooled

DRAW, PROMPT = 0.033, 0.04
DESIGNS = (
    # prompts, draws, prompts stand for others, draws differ
    (1, 3, False, DRAW),
    (2, 3, False, DRAW),
    (2, 5, False, DRAW),
    (4, 3, True, DRAW),
    (6, 1, True, 0.0),
    (6, 3, True, DRAW),
    (2, 5, False, 0.0),
)
HEADERS = ["prompts", "draws", "draws differ by", "n = 300", "n = 2,000", "samples alone", "width"]


def study(
    prompts: int, draws: int, n: int, by_prompt: float, by_draw: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the differences few-shot minus zero-shot, prompt by prompt, and what samples move.

    Half of what draws differ by is common to all prompts, half is each prompt's own.
    """
    hard = rng.normal(size=n)
    effect = rng.normal(0.0, by_prompt, (prompts, 1))
    common, own = rng.normal(0.0, by_draw * 0.5**0.5, (2, prompts, draws))
    columns = []
    for prompt in range(prompts):
        base = _right(0.8, 0.8 * hard + 0.6 * rng.normal(size=n))
        for draw in range(draws):
            rate = 0.8 + effect[prompt, 0] + common[0, draw] + own[prompt, draw]
            columns.append(_right(rate, 0.7 * hard + 0.51**0.5 * rng.normal(size=n)) - base)
    table = np.stack(columns, axis=1)
    means = table.mean(axis=0)
    return means, (table - means) / n


def _right(rate: float, skill: Floats) -> Floats:
    from scipy.special import ndtri

    return np.asarray(skill < ndtri(min(max(rate, 0.01), 0.99)), dtype=np.float64)


def rows(repeats: int) -> list[list[str]]:
    """Return a line a design: coverage at both sizes, that of samples alone, and the width."""
    found = []
    for prompts, draws, random, by_draw in DESIGNS:
        shares, alone, width = [], [], 0.0
        for n in (300, 2000):
            rng, held, by_samples = np.random.default_rng(n), 0, 0
            width = 0.0
            for _ in range(repeats):
                means, moved = study(prompts, draws, n, PROMPT if random else 0.0, by_draw, rng)
                names = [prompt for prompt in range(prompts) for _ in range(draws)]
                seeds = list(range(draws)) * prompts
                mean = pooled(means, moved, draws=seeds, wordings=names if random else None)
                bare = pooled(means, moved, draws=[0] * len(means))
                if mean is not None and bare is not None:
                    held += mean.low <= 0 <= mean.high
                    by_samples += bare.low <= 0 <= bare.high
                    width += (mean.high - mean.low) / repeats
            shares.append(f"{held / repeats:.1%}")
            alone.append(f"{by_samples / repeats:.0%}")
        kind = f"{prompts} for others like them" if random else f"{prompts}"
        found.append([kind, f"{draws}", f"{by_draw}", *shares, " / ".join(alone), f"{width:.3f}"])
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    print(tabulate(rows(parser.parse_args().repeats), headers=HEADERS, tablefmt="github",
                   disable_numparse=True))  # fmt: skip
