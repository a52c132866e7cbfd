"""Thoughts before answers: what they came to, and what answers without any stood behind."""

from __future__ import annotations

from collections.abc import Sequence

from harness.language import Words
from harness.markdown import code, html, quoted
from harness.records import Row, Thought, ThoughtPlace, Thoughts
from harness.report.format import count, percent
from harness.report.names import some

# Where answers stand of which there is something to say, though no thought was written.
_PLACES: tuple[ThoughtPlace, ...] = ("before", "empty", "absent")
_LONGEST = 6000


def place_lines(rows: Sequence[Row], t: Words) -> list[str]:
    """Say what the answers of cells stood behind whose template knows a thought."""
    found: list[str] = []
    for place in _PLACES:
        cells = [code(row.cell) for row in rows if row.place == place]
        if cells:
            found.append(t.say(f"th_at_{place}", cells=some(cells, t)))
    return found


def thought_line(thoughts: Thoughts, t: Words) -> dict[str, str]:
    """Return the columns of a table on thoughts: how many, how long, and how they ended."""
    return {
        t["h_thoughts"]: count(thoughts.n),
        t["h_thought_tokens"]: "" if thoughts.tokens is None else count(round(thoughts.tokens)),
        **{
            t[f"h_thought_{end}"]: _share(number, thoughts.n)
            for end, number in (
                ("closed", thoughts.closed),
                ("cut", thoughts.cut),
                ("open", thoughts.open),
            )
        },
    }


def folded(thought: Thought | None, t: Words, *, by: str = "") -> str:
    """Return a thought that opens where it is clicked on, inert; "" of one that is not shown.

    Args:
        thought: What was thought.
        t: The words of the report's language.
        by: The judge whose thought it is, "" for that of the answer's own model.
    """
    if thought is None or not thought.text.strip():
        return ""
    quote, left_out = quoted(thought.text, limit=_LONGEST)
    if left_out:
        quote += f"\n>\n> *{t.say('j_more', count=count(left_out))}*"
    tokens = count(thought.tokens) if thought.tokens else ""
    summary = t.say(f"th_{thought.end}_thought", judge=html(by), tokens=tokens)
    return f"<details>\n<summary>{summary}</summary>\n\n{quote}\n\n</details>"


def _share(number: int, total: int) -> str:
    return f"{count(number)} ({percent(number / total)})" if number else ""
