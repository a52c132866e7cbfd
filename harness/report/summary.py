"""What CI shows of a report: the step summary of a run, the comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.language import Lang, words

# GitHub refuses a step summary of more than 1 MiB; the rest is left for other writers.
SUMMARY_BYTES = 1_000_000
# GitHub refuses a comment of more than 65,536 characters; whoever posts it may write out its marks.
COMMENT_BYTES = 40_000
COMMENT_MARK = "<!-- harness comment -->"
"""First line of a comment, by which a later run finds it and writes over it."""
_QUESTIONS = 8
# Foreign text never stands alone on a line, so that it cannot be taken for these marks.
_PLOTS = re.compile(r"^<!-- plots -->\n.*?^<!-- end of plots -->\n+", re.MULTILINE | re.DOTALL)


_FOLD_END = "\n</details>\n"
_FOLD, _UNFOLD = (re.compile(rf"^ *<{end}details>$", re.MULTILINE) for end in ("", "/"))
# A thought within the answers to a probe.
_DEEPEST_FOLD = 2


def append_step_summary(markdown: str, path: Path, *, lang: Lang = "en") -> None:
    """Append a report to GitHub's step summary, cut with a mark where it would not fit.

    Args:
        markdown: The report.
        path: The file that `GITHUB_STEP_SUMMARY` names; it may hold other summaries already.
        lang: Language of the mark.

    Plots are left out: a summary cannot show files of the run's folder.
    """
    room = SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
    with path.open("a", encoding="utf-8") as file:
        file.write(_cut(_PLOTS.sub("", markdown), room, lang))


def comment(markdown: str, *, link: str | None = None, lang: Lang = "en") -> str:
    """Return the first screen of a report, as a comment on a pull request.

    Args:
        markdown: The report.
        link: Address of what is to be read behind it, such as the job.
        lang: Language of the report.

    Returns:
        Title, counts, what failed, what changed since the baseline, one line a question, the
        gravest cautions; behind `COMMENT_MARK` and without plots. Of more than eight questions the
        others are folded.
    """
    first = re.split(r"^(?:<!-- plots -->|## .*)$", markdown, maxsplit=1, flags=re.MULTILINE)[0]
    more = f"[{words(lang)['comment_link']}]({link})\n" if link else ""
    whole = f"{_fold_questions(first.rstrip(), lang)}\n\n{more}"
    return f"{COMMENT_MARK}\n{_cut(whole, COMMENT_BYTES, lang)}"


def _fold_questions(markdown: str, lang: Lang) -> str:
    """Fold all but the first questions: the rows of the last table that is not folded already."""
    lines = markdown.split("\n")
    rows = [at for at in _unfolded(lines) if lines[at].startswith("|")]
    rows = rows[_last_table(rows) :]
    if len(rows) <= _QUESTIONS + 2:
        return markdown
    # A table has its heads and a line of dashes first, and so has the part that is folded.
    heads, left = lines[rows[0] : rows[0] + 2], lines[rows[_QUESTIONS + 2] : rows[-1] + 1]
    told = words(lang).say("comment_more", count=len(left))
    folded = ["", "<details>", f"<summary>{told}</summary>", "", *heads, *left, "", "</details>"]
    return "\n".join([*lines[: rows[_QUESTIONS + 2]], *folded, *lines[rows[-1] + 1 :]])


def _unfolded(lines: Sequence[str]) -> Iterator[int]:
    """Yield the places of lines outside of folds."""
    deep = 0
    for at, line in enumerate(lines):
        deep += len(_FOLD.findall(f"{line}\n")) - len(_UNFOLD.findall(f"{line}\n"))
        if not deep:
            yield at


def _last_table(rows: Sequence[int]) -> int:
    """Return where in the places of table rows the last table begins."""
    starts = [at for at in range(1, len(rows)) if rows[at] != rows[at - 1] + 1]
    return max(starts, default=0)


def _cut(markdown: str, room: int, lang: Lang) -> str:
    """Return markdown of at most `room` bytes, with a mark where it was cut."""
    if len(markdown.encode()) <= room:
        return markdown
    mark = f"\n{words(lang)['cut']}\n"
    size = max(0, room - len(mark.encode()) - _DEEPEST_FOLD * len(_FOLD_END))
    kept = markdown.encode()[:size].decode(errors="ignore")
    # The cut falls between lines: half a table row or half an escape renders as anything.
    kept = kept[: kept.rfind("\n") + 1]
    # What stands in a line by itself is the report's own: a mark in a fold would not be seen.
    kept += _FOLD_END * (len(_FOLD.findall(kept)) - len(_UNFOLD.findall(kept)))
    return kept + mark
