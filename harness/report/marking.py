"""What people are to mark -> one HTML page that asks for nothing, driven by the keyboard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.jsontext import json_text
from harness.judge.marking import AnswerToMark, PairToMark, needed
from harness.judge.passport import MAX_UNSCORED
from harness.judge.passport_figures import SMOKE
from harness.language import Lang, Words, words
from harness.records import Json
from harness.report.page.file import write_html
from harness.spec.judgeset import PassportSpec

_FURTHEST = 400
"""Pairs up to which the page looks for a decision."""
_PAIRED = ("mk_first", "mk_second", "mk_tie")
_CHECKED = ("page_met", "page_not_met", "page_partly")
_SAID = ("mk_left", "mk_right", "mk_answer", "mk_decided", "mk_nothing", "mk_damaged", "mk_unkept")
_TOLD = ("mk_count", "mk_few", "mk_enough", "mk_more", "mk_far", "mk_saved", "mk_loaded")


def write_marking_page(
    path: Path,
    items: Sequence[PairToMark] | Sequence[AnswerToMark],
    *,
    file: str,
    demands: PassportSpec,
    lang: Lang,
) -> None:
    """Write the page, whole or not at all; see `write_html`.

    Args:
        path: The file.
        items: Pairs, or answers; at least one.
        file: Name of the file that the page saves.
        demands: What the judge must show, for the number of pairs that decide.
        lang: Language of everything that is not data.

    Raises:
        OSError: It cannot be written.
    """
    t, paired = words(lang), isinstance(items[0], PairToMark)
    path.parent.mkdir(parents=True, exist_ok=True)
    covers = t["mk_points" if paired else "mk_checked"]
    write_html(path, "mark", _data(items, paired, file, demands, t), t, covers=covers)


def _data(
    items: Sequence[PairToMark] | Sequence[AnswerToMark],
    paired: bool,
    file: str,
    demands: PassportSpec,
    t: Words,
) -> Json:
    rows: list[Json] = [asdict(one) for one in items]
    key = hashlib.sha256(json_text(rows).encode()).hexdigest()
    further: dict[str, Json] = {}
    if paired:
        for name, demand in (
            ("accuracy", demands.min_accuracy),
            ("orders", demands.min_order_agreement),
        ):
            table = needed(demand, pairs=_FURTHEST)
            further[name] = {"least": list(table.least), "most": list(table.most)}
    said: dict[str, Json] = {name: t[name] for name in _SAID}
    for name in _TOLD:
        said[name] = t.say(name, **{fact: f"{{{fact}}}" for fact in t.facts(name)})
    said["choices"] = [t[name] for name in (_PAIRED if paired else _CHECKED)]
    return {
        "of": "pairs" if paired else "points",
        "key": key[:16],
        "file": file,
        "smoke": SMOKE,
        "unscored": MAX_UNSCORED,
        "words": said,
        "items": rows,
        **further,
    }
