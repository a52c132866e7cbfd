"""The answers of judge sets with all that judges said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.reasons import Reason
from harness.records import Json, Judged, JudgedAnswer, PairResult, PointRuling, ProbeResult, Ruling
from harness.report.page.texts import Texts

Said = Callable[[Reason], str]
_Pairs = Mapping[tuple[str, str, str, int], Sequence[PairResult]]


def judged_probes(judged: Judged, texts: Texts, said: Said) -> list[Json]:
    """Return each probe of each judge set with the answers of all models.

    Args:
        judged: What judge sets came to.
        texts: Takes the texts.
        said: A reason in the words of the page's language.
    """
    pairs: dict[tuple[str, str, str, int], list[PairResult]] = {}
    for pair in judged.pairs:
        key = pair.evalset, pair.model, pair.probe, pair.number
        pairs.setdefault(key, []).append(pair)
    groups: dict[tuple[str, str], list[ProbeResult]] = {}
    for one in judged.probes:
        groups.setdefault((one.evalset, one.probe), []).append(one)
    return [_probe(own, pairs, texts, said) for own in groups.values()]


def _probe(own: Sequence[ProbeResult], pairs: _Pairs, texts: Texts, said: Said) -> Json:
    first = own[0]
    answers: list[Json] = [
        _answer(probe, answer, pairs, texts, said) for probe in own for answer in probe.answers
    ]
    return {
        "set": first.evalset,
        "id": first.probe,
        "kind": first.kind,
        "turns": [texts.place(turn) for turn in first.turns],
        "question": texts.place(first.question),
        "points": [texts.place(point) for point in first.points],
        "weights": list(first.weights),
        "answers": answers,
    }


def _answer(
    probe: ProbeResult, answer: JudgedAnswer, pairs: _Pairs, texts: Texts, said: Said
) -> Json:
    own = pairs.get((probe.evalset, probe.model, probe.probe, answer.number), ())
    return {
        "model": probe.model,
        "number": answer.number,
        "text": texts.place(answer.text),
        "earlier": [texts.place(one) for one in answer.earlier],
        "tokens": answer.tokens,
        "cut": answer.cut,
        "score": _rounded(answer.score),
        "share": _rounded(answer.share),
        "problem": said(answer.problem) if answer.problem else "",
        "thought": texts.place(answer.thought.text) if answer.thought else 0,
        "rulings": [[judge, _ruling(one, texts, said)] for judge, one in answer.rulings.items()],
        "points": [
            [judge, [_point(one, texts, said) for one in rulings]]
            for judge, rulings in answer.points.items()
        ],
        "pairs": [
            [one.judge, one.against, one.points, _ruling(one.forward, texts, said),
             _ruling(one.backward, texts, said)]
            for one in own
        ],
    }  # fmt: skip


def _ruling(ruling: Ruling, texts: Texts, said: Said) -> Json:
    return {
        "value": _rounded(ruling.value),
        "choice": ruling.choice,
        "reason": texts.place(ruling.reason),
        "problem": said(ruling.problem) if ruling.problem else "",
        "thought": texts.place(ruling.thought.text) if ruling.thought else 0,
    }


def _point(ruling: PointRuling, texts: Texts, said: Said) -> Json:
    return {
        "value": ruling.value,
        "quote": texts.place(ruling.quote),
        "found": ruling.found is not False,
        "problem": said(ruling.problem) if ruling.problem else "",
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
