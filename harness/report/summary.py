"""A report in the step summary of a CI run."""

from __future__ import annotations

import re
from pathlib import Path

from harness.language import Lang, words

# GitHub refuses a step summary of more than 1 MiB; the rest is left for other writers.
SUMMARY_BYTES = 1_000_000
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
    markdown = _PLOTS.sub("", markdown)
    room = SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
    if len(markdown.encode()) > room:
        mark = f"\n{words(lang)['cut']}\n"
        size = max(0, room - len(mark.encode()) - _DEEPEST_FOLD * len(_FOLD_END))
        kept = markdown.encode()[:size].decode(errors="ignore")
        # The cut falls between lines: half a table row or half an escape renders as anything.
        kept = kept[: kept.rfind("\n") + 1]
        # What stands in a line by itself is the report's own: a mark in a fold would not be seen.
        kept += _FOLD_END * (len(_FOLD.findall(kept)) - len(_UNFOLD.findall(kept)))
        markdown = kept + mark
    with path.open("a", encoding="utf-8") as file:
        file.write(markdown)
