"""How often the intervals hold the truth, and how often the tests raise a false alarm.

    python benchmarks/coverage.py                # 500 repeats, minutes
    python benchmarks/coverage.py --repeats 50

Prints the markdown tables of docs/statistics.md. Proportions and McNemar's test are summed up
exactly over all counts; the rest is simulated with fixed seeds.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable

import numpy as np
from crossed_means import HEADERS as CROSSED
from crossed_means import rows as crossed_rows
from error_rates import error_rates
from numpy.random import Generator
from rare_labels import tables as rare_tables
from scipy.stats import binom
from slice_tests import slice_rows
from tabulate import tabulate

from harness.figures import Sheet, figure_kind
from harness.stats import (
    Bools,
    Comparison,
    Floats,
    GoldCounts,
    auc_interval,
    bradley_terry_strengths,
    clopper_pearson_interval,
    cluster_auc_interval,
    cluster_interval,
    cluster_proportion_interval,
    judged_rate,
    krippendorff_alpha,
    paired_accuracy,
    paired_auc,
    paired_bootstrap,
    wilson_interval,
    win_rate,
)
from harness.stats.arrays import Whole
from harness.stats.clusters import effective_number
from harness.stats.costs import mean_cost
from harness.stats.power import mcnemar_power
from harness.stats.probabilities import brier_values, calibration_error, coverage_at, log_losses

Interval = Callable[[int, int], tuple[float, float]]
SIZES, RATES = (10, 50, 200), (0.5, 0.8, 0.9, 0.98)
# P(N(1, 1) > N(0, 1)): the area that the simulated scores have.
AREA = 0.76025


def exact(interval: Interval, n: int, p: float) -> float:
    """Return the chance of all counts whose interval holds p."""
    bounds = np.array([interval(passed, n) for passed in range(n + 1)])
    holds = (bounds[:, 0] <= p) & (p <= bounds[:, 1])
    return float(binom.pmf(np.arange(n + 1), n, p)[holds].sum())


def proportions() -> list[list[str]]:
    """Exact coverage of both intervals of a proportion; the last column is over all rates."""
    rows = []
    for name, interval in (
        ("Clopper-Pearson", clopper_pearson_interval),
        ("Wilson", wilson_interval),
    ):
        for n in SIZES:
            shares = [exact(interval, n, p) for p in RATES]
            worst = min(exact(interval, n, p) for p in np.linspace(0.5, 0.999, 250))
            rows.append([name, str(n), *(f"{share:.2%}" for share in [*shares, worst])])
    return rows


def alarms() -> list[list[str]]:
    """Exact chance that McNemar's test calls equal sides different."""
    shares = (0.02, 0.1, 0.3)
    return [
        [str(n), *(f"{mcnemar_power(n, share, 0.0):.2%}" for share in shares)]
        for n in (*SIZES, 2000)
    ]


def differences(repeats: int) -> list[list[str]]:
    """Paired differences of accuracies and AUCs: coverage and false alarms."""
    rows = []
    for n in (50, 200):
        rng = np.random.default_rng(n)
        hits, found = np.zeros(3), np.zeros(2)
        for seed in range(repeats):
            own = rng.random(n)
            a = own < 0.6
            b = np.where(rng.random(n) < 0.5, own, rng.random(n)) < 0.75
            positives = np.arange(n) % 2 == 0
            base = rng.normal(size=n) + positives
            one, two = (base + rng.normal(0, 0.7, n) for _ in range(2))
            area = paired_auc(one, two, positives)
            newcombe = paired_accuracy(a, b)
            drawn = paired_bootstrap(a, b, seed=seed, resamples=500)
            hits += [
                x.low <= t <= x.high for x, t in ((newcombe, 0.15), (drawn, 0.15), (area, 0.0))
            ]
            same = paired_bootstrap(one, two, seed=seed, resamples=500)
            found += [area.p <= 0.05, same.p <= 0.05]
        hits, found = hits / repeats, found / repeats
        rows.append(["difference of accuracies, Newcombe", str(n), f"{hits[0]:.1%}", ""])
        rows.append(["difference of accuracies, bootstrap", str(n), f"{hits[1]:.1%}", ""])
        rows.append(["difference of AUCs, two logits", str(n), f"{hits[2]:.1%}", f"{found[0]:.1%}"])
        rows.append(["difference of means, sign flips", str(n), "", f"{found[1]:.1%}"])
    return rows


def areas(repeats: int) -> list[list[str]]:
    """Intervals of one AUC; the samples of a cluster share their class and half of their noise."""
    rows = []
    for n in (40, 80, 200):
        rng, positives = np.random.default_rng(n), np.arange(n) % 2 == 0
        clusters, hits = np.arange(n) // 4, np.zeros(3)
        for _ in range(repeats):
            noise = rng.normal(size=n)
            plain = auc_interval(noise + positives, positives)
            shared = np.sqrt(0.5) * (rng.normal(size=n // 4)[clusters] + rng.normal(size=n))
            mask = clusters % 2 == 0
            robust = cluster_auc_interval(shared + mask, mask, clusters.tolist())
            naive = auc_interval(shared + mask, mask)
            hits += [low <= AREA <= high for low, high in (plain, robust, naive)]
        rows.append([str(n), *(f"{share:.1%}" for share in hits / repeats)])
    return rows


def clusters(repeats: int) -> list[list[str]]:
    """Rates of samples in clusters whose own rates differ (intracluster correlation 0.3)."""
    rows = []
    for groups, size, p in ((10, 5, 0.8), (20, 10, 0.8), (50, 4, 0.9), (20, 10, 0.98)):
        rng, hits = np.random.default_rng(groups), np.zeros(3)
        names = np.repeat(np.arange(groups), size).tolist()
        a, b = (share * 0.7 / 0.3 for share in (p, 1 - p))
        for _ in range(repeats):
            right = (rng.random((groups, size)) < rng.beta(a, b, size=(groups, 1))).ravel()
            bounds = (
                cluster_proportion_interval(right, names),
                cluster_interval(right.astype(float), names),
                clopper_pearson_interval(int(right.sum()), right.size),
            )
            hits += [low <= p <= high for low, high in bounds]
        rows.append([str(groups), str(size), f"{p}", *(f"{share:.1%}" for share in hits / repeats)])
    return rows


def judges(repeats: int) -> list[list[str]]:
    """Rates behind a judge that errs: corrected, and taken as they are."""
    rows = []
    for rate, q1, q0, n, good, bad in (
        (0.5, 0.9, 0.8, 200, 50, 50),
        (0.8, 0.9, 0.7, 1000, 100, 50),
        (0.9, 0.95, 0.9, 500, 60, 30),
        (0.98, 0.9, 0.8, 500, 100, 40),
    ):
        rng, hits = np.random.default_rng(n), np.zeros(2)
        for _ in range(repeats):
            passed = int(rng.binomial(n, rate * q1 + (1 - rate) * (1 - q0)))
            gold = GoldCounts(int(rng.binomial(good, q1)), good, int(rng.binomial(bad, q0)), bad)
            found = judged_rate(passed, n, [(gold, 1)])
            low, high = clopper_pearson_interval(passed, n)
            hits += [found.low <= rate <= found.high, low <= rate <= high]
        shown = [f"{share:.1%}" for share in hits / repeats]
        rows.append([f"{rate}", f"{q1}", f"{q0}", str(n), f"{good} + {bad}", *shown])
    return rows


def _verdicts(good: Bools, rng: Generator, odds: tuple[float, float]) -> Bools:
    """Return what two judges say of answers, in a row each, easy and hard ones alike to both."""
    easy = np.array(odds)[:, None] + rng.normal(size=good.size)
    right = rng.random(easy.shape) < 1 / (1 + np.exp(-easy))
    return np.where(right, good, ~good)


def juries(repeats: int) -> list[list[str]]:
    """Rates behind two judges who find the same answers hard: corrected, and taken as they are."""
    rows = []
    for rate, sharp, dull, n, gold in (
        (0.5, 2.0, 1.0, 100, 50),
        (0.8, 2.0, 1.0, 100, 50),
        (0.8, 2.0, 1.0, 500, 100),
        (0.9, 1.5, 1.5, 500, 50),
    ):
        rng, hits = np.random.default_rng(n), np.zeros(2)
        for _ in range(repeats):
            good, bad = (_verdicts(np.full(gold, it), rng, (sharp, dull)) for it in (True, False))
            known = [(GoldCounts(int(p.sum()), gold, int((~q).sum()), gold), n)
                     for p, q in zip(good, bad, strict=True)]  # fmt: skip
            said = _verdicts(rng.random(n) < rate, rng, (sharp, dull))
            apart = effective_number(said.T.ravel(), np.repeat(np.arange(n), 2).tolist())
            found = judged_rate(int(said.sum()), 2 * n, known, effective=apart)
            low, high = clopper_pearson_interval(int(said.sum()), 2 * n)
            hits += [found.low <= rate <= found.high, low <= rate <= high]
        shown = [f"{share:.1%}" for share in hits / repeats]
        rows.append([f"{rate}", f"{sharp}, {dull}", str(n), f"{gold} + {gold}", *shown])
    return rows


def rates(repeats: int) -> list[list[str]]:
    """Win rates over probes that differ; three answers each."""
    rows = []
    for probes in (3, 5, 10, 30):
        for mean, spread in ((0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0)):
            rng, hits, width = np.random.default_rng(probes), 0, 0.0
            odds = mean + spread * np.random.default_rng(0).normal(size=1_000_000)
            truth = float((1 / (1 + np.exp(-odds))).mean())
            for seed in range(repeats):
                chance = 1 / (1 + np.exp(-mean - spread * rng.normal(size=probes)))
                points = (rng.random((probes, 3)) < chance[:, None]).astype(float).ravel()
                found = win_rate(points.tolist(), np.repeat(np.arange(probes), 3).tolist(),
                                 seed=seed)  # fmt: skip
                hits += found.low <= truth <= found.high
                width += found.high - found.low
            shown = [f"{hits / repeats:.1%}", f"{width / repeats:.2f}"]
            rows.append([str(probes), f"{truth:.2f}", "yes" if spread else "no", *shown])
    return rows


def strengths(repeats: int) -> list[list[str]]:
    """Strengths of three models, ten probes, three answers each to each pair."""
    rows = []
    for truth in ((0.0, 0.0, 0.0), (1.0, 0.0, -1.0), (3.0, 0.0, -3.0)):
        rng, hits, width = np.random.default_rng(0), 0, 0.0
        for seed in range(repeats):
            games = [
                Comparison(probe, str(a), str(b),
                           float(rng.random() < 1 / (1 + np.exp(truth[b] - truth[a]))))
                for probe in range(10) for a, b in ((0, 1), (0, 2), (1, 2)) for _ in range(3)
            ]  # fmt: skip
            found = bradley_terry_strengths(games, seed=seed, resamples=500)
            for i, own in enumerate(truth):
                hits += found[str(i)].low <= own <= found[str(i)].high
                width += found[str(i)].high - found[str(i)].low
        shown = [f"{hits / repeats / 3:.1%}", f"{width / repeats / 3:.2f}"]
        rows.append([", ".join(f"{own:g}" for own in truth), *shown])
    return rows


def agreements(repeats: int) -> list[list[str]]:
    """Alpha of two judges' scores."""
    rows = []
    for units in (30, 100):
        for truth in (0.3, 0.8, 0.95):
            rng, hits, width = np.random.default_rng(units), 0, 0.0
            for seed in range(repeats):
                ratings = truth**0.5 * rng.normal(size=(units, 1)) + (1 - truth) ** 0.5 * (
                    rng.normal(size=(units, 2))
                )
                found = krippendorff_alpha(ratings.tolist(), seed=seed)
                hits += found.low <= truth <= found.high
                width += found.high - found.low
            shown = [f"{hits / repeats:.1%}", f"{width / repeats:.2f}"]
            rows.append([str(units), f"{truth}", *shown])
    return rows


# Share of each label, and how often it is answered rightly.
_CLASSES = {
    "two equal": ((0.5, 0.5), (0.7, 0.7)),
    "two equal, few errors": ((0.5, 0.5), (0.95, 0.95)),
    "20 to 80": ((0.2, 0.8), (0.6, 0.9)),
    "10 to 90, few errors": ((0.1, 0.9), (0.95, 0.98)),
    "three": ((0.2, 0.3, 0.5), (0.5, 0.8, 0.9)),
    "answers nearly all one label": ((0.5, 0.5), (0.98, 0.05)),
}
# How much too sure a model is (1 for true probabilities), and how far its samples are apart.
_TEMPERS = {"true": (1.0, 2.0), "twice as sure": (2.0, 1.0), "half as sure": (0.5, 2.0)}
_LABELLED = ("balanced_accuracy", "macro_f1", "mcc", "recall:0", "precision:0")
_RATED = ("brier_score", "log_loss", "calibration_error", "coverage:0.1")


def labelled_sheet(case: str, n: int, rng: Generator) -> Sheet:
    """Return answers without probabilities."""
    shares, skills = _CLASSES[case]
    k = len(shares)
    targets = rng.choice(k, n, p=shares)
    right = rng.random(n) < np.array(skills)[targets]
    answers = np.where(right, targets, (targets + rng.integers(1, k, n)) % k)
    names = tuple(str(i) for i in range(k))
    return Sheet(names, targets, answers, np.full((n, k), np.nan))


def rated_sheet(case: str, n: int, rng: Generator) -> Sheet:
    """Return log-probabilities of two labels."""
    temper, spread = _TEMPERS[case]
    odds = rng.normal(0, spread, n)
    targets = (rng.random(n) >= 1 / (1 + np.exp(-odds))).astype(np.intp)
    given = temper * odds
    logprobs = np.stack([-np.log1p(np.exp(-given)), -np.log1p(np.exp(given))], axis=1)
    return Sheet(("0", "1"), targets, (given < 0).astype(np.intp), logprobs)


def further_held(
    name: str, case: str, n: int, repeats: int, truth: float | None = None
) -> tuple[float, float]:
    """Return how often a further figure's interval holds the truth, and the truth.

    The truth is the figure of a million samples; of the calibration error, the plain one.
    """
    kind, argument = figure_kind(name)
    make = labelled_sheet if case in _CLASSES else rated_sheet
    assert kind.measure is not None
    if truth is None:
        whole = make(case, 1_000_000, np.random.default_rng(7))
        truth = true_value(name, whole)
    rng = np.random.default_rng(11)
    found = [kind.measure(make(case, n, rng), argument) for _ in range(repeats)]
    defined = [one for one in found if one is not None]
    return float(np.mean([one.low <= truth <= one.high for one in defined])), truth


# How sure two sides are of one answer, and how often it is right.
_SURE = {
    "0.95 and 0.85, right 95%": (0.95, 0.85, 0.95),
    "0.99 and 0.95, right 90%": (0.99, 0.95, 0.9),
    "0.999 and 0.9999, right 97%": (0.999, 0.9999, 0.97),
}
_COSTS = {"brier_score": brier_values, "log_loss": log_losses}


def two_sides(case: str, n: int, rng: Generator) -> tuple[Floats, Floats, Whole]:
    """Return log-probabilities of two labels by either side, [n, 2], and the targets."""
    if case in _TEMPERS:
        temper, spread = _TEMPERS[case]
        odds = rng.normal(0, spread, n)
        targets = (rng.random(n) >= 1 / (1 + np.exp(-odds))).astype(np.intp)
        sides = temper * odds, 1.5 * temper * (odds + rng.normal(0, 0.7, n))
    else:
        one, other, right = _SURE[case]
        sign = rng.choice([-1, 1], n)
        targets = np.where(rng.random(n) < right, sign < 0, sign > 0).astype(np.intp)
        sides = tuple(sign * (np.log(p / (1 - p)) + rng.normal(0, 0.5, n)) for p in (one, other))
    first, second = (np.stack([-np.logaddexp(0, -x), -np.logaddexp(0, x)], 1) for x in sides)
    return first, second, targets


def cost_held(name: str, case: str, n: int, repeats: int) -> tuple[float, float]:
    """Return how often the interval of a paired difference of costs holds the truth, and that."""
    first, second, targets = two_sides(case, 1_000_000, np.random.default_rng(7))
    values = _COSTS[name]
    truth = float((values(second, targets) - values(first, targets)).mean())
    rng, held = np.random.default_rng(11), 0
    for _ in range(repeats):
        first, second, targets = two_sides(case, n, rng)
        labels = [np.full(n, place) for place in (0, 1)]
        steps = np.stack([values(second, own) - values(first, own) for own in labels], axis=1)
        found = mean_cost(steps, targets)
        held += found is not None and found.low <= truth <= found.high
    return held / repeats, truth


def cost_differences(repeats: int) -> list[list[str]]:
    """Simulated coverage of paired differences of Brier score and log loss."""
    rows = []
    for name in _COSTS:
        for case in (*_TEMPERS, *_SURE):
            found = [cost_held(name, case, n, repeats) for n in (10, 20, 100, 300)]
            rows.append([name, case, f"{found[0][1]:+.4f}", *(f"{one:.1%}" for one, _ in found)])
    return rows


def true_value(name: str, whole: Sheet) -> float:
    """Return a figure of so many samples that nothing is left to chance."""
    from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef

    targets, answers = whole.targets, whole.answers
    bare, _, argument = name.partition(":")
    if bare == "recall":
        return float((answers == targets)[targets == int(argument)].mean())
    if bare == "precision":
        return float((answers == targets)[answers == int(argument)].mean())
    if bare == "brier_score":
        return float(brier_values(whole.logprobs, targets).mean())
    if bare == "log_loss":
        return float(log_losses(whole.logprobs, targets).mean())
    if bare == "calibration_error":
        return calibration_error(*whole.confidence)
    if bare == "coverage":
        return coverage_at(*whole.confidence, float(argument))
    scores = {"balanced_accuracy": balanced_accuracy_score, "mcc": matthews_corrcoef,
              "macro_f1": lambda a, b: f1_score(a, b, average="macro")}  # fmt: skip
    return float(scores[bare](targets, answers))


def further(repeats: int) -> list[list[str]]:
    """Simulated coverage of the further figures' intervals."""
    rows = []
    for names, cases in ((_LABELLED, _CLASSES), (_RATED, _TEMPERS)):
        for name in names:
            for case in cases:
                held, truth = [], None
                for n in (100, 300, 2000):
                    share, truth = further_held(name, case, n, repeats, truth)
                    held.append(f"{share:.1%}")
                rows.append([name, case, f"{truth:.3f}", *held])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    repeats = parser.parse_args().repeats
    # Holm's method of statsmodels collects garbage at every call, and looks through all modules.
    gc.freeze()
    tables = {
        "Proportions, exact": (
            ["interval", "n", *(f"p = {p}" for p in RATES), "lowest, p from 0.5 to 0.999"],
            proportions(),
        ),
        "False alarms of McNemar's exact test, exact": (
            ["n", "2% discordant", "10% discordant", "30% discordant"],
            alarms(),
        ),
        f"Paired differences, {repeats} simulated": (
            ["figure", "n", "coverage", "false alarms"],
            differences(repeats),
        ),
        f"One AUC (truth 0.760), {repeats} simulated": (
            ["n", "independent", "clusters of 4, robust", "clusters of 4, ignored"],
            areas(repeats),
        ),
        f"Means over samples, draws of shots and prompts, {repeats} simulated": (
            CROSSED,
            crossed_rows(repeats),
        ),
        f"Rates in clusters, {repeats} simulated": (
            ["clusters", "size", "p", "effective n", "t interval", "clusters ignored"],
            clusters(repeats),
        ),
        f"Judged rates, {repeats} simulated": (
            ["rate", "sensitivity", "specificity", "n", "gold", "corrected", "as judged"],
            judges(repeats),
        ),
        f"Rates of two judges who find the same answers hard, {repeats} simulated": (
            ["rate", "skills (log-odds)", "answers", "gold", "corrected", "as judged"],
            juries(repeats),
        ),
        f"Win rates, three answers a probe, {repeats} simulated": (
            ["probes", "rate", "probes differ", "coverage", "width"],
            rates(repeats),
        ),
        f"Further figures, {repeats} simulated": (
            ["figure", "samples", "truth", "n = 100", "n = 300", "n = 2,000"],
            further(repeats),
        ),
        f"Paired differences of probabilities' costs, {repeats} simulated": (
            ["figure", "sides", "truth", "n = 10", "n = 20", "n = 100", "n = 300"],
            cost_differences(repeats),
        ),
        f"Strengths of three models, ten probes, three answers each, {repeats} simulated": (
            ["strengths", "coverage", "width"],
            strengths(repeats),
        ),
        f"Alpha of two judges' scores, {repeats} simulated": (
            ["answers", "alpha", "coverage", "width"],
            agreements(repeats),
        ),
        f"Slices: 30 of 2,000 samples, {repeats} simulated": (
            ["test", "clusters of", "found", "false alarms"],
            slice_rows(repeats),
        ),
        **rare_tables(repeats),
        **error_rates(repeats),
    }
    for title, (headers, rows) in tables.items():
        print(f"\n{title}\n")
        print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main()
