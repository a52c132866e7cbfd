"""Two runs side by side as markdown, for a terminal and for what it is pasted into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.run_findings import CellPair, Effect, PooledPairs, RunComparison
from harness.markdown import code, escape
from harness.records import Figure
from harness.report.format import (
    NOTHING,
    count,
    fraction,
    p_value,
    signed,
    signed_interval,
    with_interval,
)

_VERDICTS = {1: "**better**", -1: "**worse**", 0: "no difference shown"}


def comparison_text(found: RunComparison) -> str:
    """Return a comparison of two runs: effects, what differs, answers that changed, what is left.

    Foreign text in it is inert; the parts stand apart by empty lines.
    """
    parts = [f"Run B {code(found.second)} against run A {code(found.first)}, B minus A."]
    if found.pairs:
        parts += [_table([*_effects(found)]), _method(found), _treatments(found)]
        parts += [_table([_flips(one) for one in found.pairs])]
    left = [f"refused: {_pair(one.evalset, one.first, one.second)}: {escape(one.reason)}"
            for one in found.refused]  # fmt: skip
    for name, cells in (("A", found.only_first), ("B", found.only_second)):
        if cells:
            left.append(f"only in {name}: {', '.join(_name(*cell) for cell in cells)}")
    left += [escape(line) for line in found.extensions]
    left += [f"{code(path)}: a judge set, which is not compared" for path in found.judged]
    parts.append("\n".join(f"- {line}" for line in left))
    return "\n\n".join(part for part in parts if part)


def _table(lines: Sequence[dict[str, str]]) -> str:
    from tabulate import tabulate

    return tabulate(lines, headers="keys", tablefmt="github", disable_numparse=True)


def _effects(found: RunComparison) -> Iterator[dict[str, str]]:
    for evalset in dict.fromkeys(one.evalset for one in found.pairs):
        for one in (pair for pair in found.pairs if pair.evalset == evalset):
            yield {
                "cell": _pair(one.evalset, one.first, one.second, cell=True),
                "figure": one.figure,
                **_effect(one.effect),
                "won": count(one.won),
                "lost": count(one.lost),
                "n": count(one.n),
                "left out": count(one.left_out),
            }
        for mean in (pool for pool in found.pooled if pool.evalset == evalset):
            yield {"cell": f"mean of {mean.cells} cells", "figure": mean.figure,
                   **_effect(mean.effect)}  # fmt: skip


def _effect(one: Effect | None) -> dict[str, str]:
    if one is None:
        return dict.fromkeys(("A", "B", "B \N{MINUS SIGN} A", "p", "B is"), NOTHING)
    interval = signed_interval(one.low, one.high, 3)
    return {
        "A": fraction(one.first),
        "B": fraction(one.second),
        "B \N{MINUS SIGN} A": f"{signed(one.value, 3)} {interval}",
        "p": p_value(one.p),
        "B is": _VERDICTS[one.sign],
    }


def _method(found: RunComparison) -> str:
    tested = sum(one.effect is not None for one in found.pairs)
    said = []
    if tested > 1:
        said.append(f"The p-values and intervals of the {tested} cells hold at once; a mean over "
                    "cells is one test by itself.")  # fmt: skip
    said += [_differ(one, several=len(found.pooled) > 1) for one in found.pooled]
    if any(one.figure == "auc" for one in found.pairs):
        said.append("Won and lost beside an AUC count raw answers.")
    if any(not one.known for one in found.pairs):
        said.append("One of the runs was saved by a version that did not keep what its cells rest "
                    "on: more may differ than is named.")  # fmt: skip
    return " ".join(filter(None, said))


def _differ(one: PooledPairs, *, several: bool) -> str:
    if one.differ is None or one.differ >= 0.05:
        return ""
    where = f" of {code(one.evalset)}" if several else ""
    return (f"The cells{where} differ beyond chance in what B changes ({p_value(one.differ)}), so "
            "their mean is no answer for each of them.")  # fmt: skip


def _treatments(found: RunComparison) -> str:
    """Return a line for each set of things that differ, with the cells in which they do."""
    cells: dict[str, list[str]] = {}
    for one in found.pairs:
        cells.setdefault(_differs(one), []).append(_pair(one.evalset, one.first, one.second))
    if len(cells) == 1:
        return f"What differs: {next(iter(cells))}."
    return "\n".join(["What differs:", "", *(f"- {what}: {', '.join(names)}"
                                            for what, names in cells.items())])  # fmt: skip


def _differs(one: CellPair) -> str:
    named = ", ".join(one.treatment) or "nothing that the runs keep"
    details = escape("; ".join(one.changed), limit=600)
    return f"{named} ({details})" if details else named


def _flips(one: CellPair) -> dict[str, str]:
    own = one.flips
    return {
        "cell": _pair(one.evalset, one.first, one.second, cell=True),
        "flips": count(own.count),
        "of n": count(own.share.n) if own.share else NOTHING,
        "share": _share(own.share),
        "largest log-odds gap": f"{own.gap:.4g}" if own.gap is not None else NOTHING,
        "unscored A / B": " / ".join(map(count, own.unscored)),
    }


def _share(share: Figure | None) -> str:
    return with_interval(share) if share else NOTHING


def _pair(evalset: str, first: str, second: str, *, cell: bool = False) -> str:
    name = _name(evalset, second, cell=cell)
    return name if first == second else f"{name} against {code(first, cell=cell)}"


def _name(evalset: str, name: str, *, cell: bool = False) -> str:
    return code(f"{evalset}::{name}", cell=cell)
