"""What a passport's page says of a judge's verdicts on points."""

from __future__ import annotations

from tabulate import tabulate

from harness.judge.passport_figures import SMOKE
from harness.judge.point_figures import MAX_UNSCORED, PointPassport, point_doubt
from harness.language import Words
from harness.markdown import code, escape
from harness.report.format import percent
from harness.report.passport_cells import bound_to, figure_cell, shown_figure
from harness.spec.judgeset import PassportSpec

_POINT_FIGURES = ("found", "left_out", "agreement", "kappa", "parse_rate", "quoted")


def points_part(passport: PointPassport | None, demands: PassportSpec, t: Words) -> list[str]:
    """Say what a judge's verdicts on points are worth; nothing where they were not measured."""
    if passport is None:
        return []
    sets = passport.sets
    said = [
        t.say(
            f"pass_pt_{point_doubt(one, demands) or 'met'}",
            set=code(one.name),
            smoke=SMOKE,
            lost=one.points - one.scored,
            points=one.points,
            limit=percent(MAX_UNSCORED),
            found=shown_figure(one.figures.get("found")),
            left_out=shown_figure(one.figures.get("left_out")),
            demand=f"{demands.min_point_accuracy:g}",
        )
        for one in sets
    ]
    rows = [[t["pass_answers"], *(f"{one.n} / {one.total}" for one in sets)]]
    rows += [
        [t[f"pass_f_point_{name}"],
         *(figure_cell(one.figures.get(name), 0.0 if name == "kappa" else None, t) for one in sets)]
        for name in _POINT_FIGURES
    ]  # fmt: skip
    headers = [t["pass_figure"], *(escape(one.name) for one in sets)]
    lost = [
        t.say("pass_lost_points", set=code(one.name), count=number, reason=escape(reason))
        for one in sets
        for reason, number in one.unscored.items()
    ]
    bound = [
        [t["pass_points_rubric"], bound_to(passport.rubric, passport.digest)],
        [t["pass_per"], t[f"pass_per_{passport.per}"]],
        *([f"{t['pass_gold']} {escape(one.name)}", escape(one.digest[:16])] for one in sets),
    ]
    return [
        f"## {t['pass_points']}",
        "\n".join(f"- {line}" for line in [*said, *lost]),
        tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True),
        tabulate(bound, headers=[t["pass_what"], t["pass_value"]], tablefmt="github",
                 disable_numparse=True),
    ]  # fmt: skip


def points_verdict(passport: PointPassport, demands: PassportSpec) -> str:
    """Return the name of the words on what verdicts on points are worth."""
    large = [one for one in passport.sets if one.certifies]
    if not large:
        return "small"
    return "below" if any(point_doubt(one, demands) for one in large) else "met"
