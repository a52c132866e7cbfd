"""Whether the scores of a judge set prove anything, and why not, in plain words."""

from __future__ import annotations

from harness.analysis.judged_sets import judged_sets, judges_of, trust
from harness.language import Words
from harness.markdown import code, escape
from harness.reasons import Reason
from harness.records import Figure, Judged, JudgeInfo
from harness.report.format import count, with_interval
from harness.report.reasons import why


def head_word(judged: Judged, t: Words) -> str:
    """Return what the title says of the judged scores where they prove nothing, or nothing."""
    found = {trust(judged, evalset) for evalset in judged_sets(judged)}
    untrusted = not all(judge.check.trusted for judge in judged.judges) or "untrusted" in found
    if "void" in found:
        return t["j_head_both" if untrusted else "j_head_void"]
    return t["j_head_untrusted"] if untrusted else ""


def trust_lines(judged: Judged, evalset: str, t: Words) -> list[str]:
    """Say of each judge of a set whether it is trusted, by which figures, or why not."""
    judges = judges_of(judged, evalset)
    lines = [_line(judge, evalset, t) + _kin(judge, t) for judge in judges]
    state = trust(judged, evalset)
    own = {one.void for one in judges}
    voids = [one.void for one in judged.standings if one.evalset == evalset and one.void]
    lines += [
        t.say("j_void", who=escape(evalset), why=_reason(void, t))
        for void in dict.fromkeys(voids)
        if not any(own)
    ]
    if state == "untrusted" and all(one.check.trusted for one in judges):
        lines.append(t.say("j_untrusted_set", evalset=escape(evalset)))
    if state == "untrusted" and 0 < sum(one.check.trusted for one in judges) < len(judges):
        lines.append(t["j_untrusted_jury"])
    return lines


def _line(judge: JudgeInfo, evalset: str, t: Words) -> str:
    check, name = judge.check, code(judge.judge)
    problem = check.problem
    if judge.void and problem is not None and problem.kind == "certify":
        # A passport would not help: what is asked for is another judge, not the command.
        problem = problem.causes[0]
    known, doubt = _known(judge, t), _reason(problem, t)
    if judge.void:
        void = _reason(judge.void, t)
        line = t.say("j_void_judge", who=name, why=void, evalset=code(evalset))
        if not check.trusted:
            return f"{line} {t.say('j_void_untrusted', why=doubt)}"
        return f"{line} {t.say('j_void_known', known=known)}" if known else line
    if not check.trusted:
        line = t.say("j_untrusted", who=name, why=doubt)
        return f"{line} {t.say('j_untrusted_known', known=known)}" if known else line
    return t.say(
        "j_trusted",
        who=name,
        known=known or t["j_no_figures"],
        pairs=check.accuracy is not None,
        points=check.points is not None,
    )


def _kin(judge: JudgeInfo, t: Words) -> str:
    """Say that a judge rules on its own answers, which no passport measures."""
    if not judge.kin:
        return ""
    return " " + t.say("j_kin", who=code(judge.judge), models=", ".join(map(code, judge.kin)))


def _known(judge: JudgeInfo, t: Words) -> str:
    """Return what the passport says of a judge, empty where it says nothing."""
    check = judge.check
    parts = [
        t.say(name, figure=_figure(figure))
        for name, figure in (
            ("j_accuracy", check.accuracy),
            ("j_orders", check.order_agreement),
            ("j_point_accuracy", check.points),
        )
        if figure is not None
    ]
    return ", ".join([*parts, *([code(check.path)] if parts and check.path else [])])


def _figure(figure: Figure) -> str:
    return f"{with_interval(figure)}, n={count(figure.n)}"


def _reason(reason: Reason | None, t: Words) -> str:
    """Return a reason as part of a sentence, whose full stop follows."""
    return why(reason or Reason("not_covered"), t, limit=400).rstrip(".")
