"""Gold pairs that a judge is asked about again: does it still say what it said for its passport?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.jsontext import json_text
from harness.judge.bench import AnyCase, Bench, Case
from harness.judge.gold import HUB, GoldPair, GoldSet, open_gold
from harness.judge.judge_session import JudgeSession
from harness.judge.passport import AskedTwice, Passport, Retest
from harness.paths import public_path
from harness.prompts.fence import fence
from harness.prompts.rubric import Rubric, load_rubric, pairwise_messages
from harness.reasons import Fact, Reason
from harness.records import Choice, Note, Ruling, Tell
from harness.run.ask import opened
from harness.spec.judgeset import PassportSpec

MOST = 80
"""Gold pairs that are asked about twice for a passport, at most."""
LEAST = 20
"""Those of them that a run asks about once more, at least; of fewer nothing could be said."""
SHARE = 0.03
"""Share of a run's requests that this may take, where `LEAST` pairs take less."""
RISK = 0.01
"""How often a judge that is what it was would be taken for another."""

DrawnPairs = Sequence[tuple[str, GoldPair]]
"""Gold pairs, each with the name of its set."""


def pairs_to_ask_twice(gold: Sequence[GoldSet], limit: int | None) -> DrawnPairs:
    """Return the pairs of a passport that are asked about twice, at most `MOST`.

    They are drawn by their ids, so that the same files give the same ones, wherever they are.

    Args:
        gold: Sets with unlike names.
        limit: Pairs of each that are asked about at all.
    """
    every = [(one.digest, one.name, pair) for one in gold for pair in one.pairs[:limit]]
    every.sort(key=lambda drawn: hashlib.sha256(f"{drawn[0]} {drawn[2].id}".encode()).digest())
    return [(name, pair) for _, name, pair in every[:MOST]]


def order_cases(
    name: str,
    pair: GoldPair,
    pairwise: Rubric,
    controls: re.Pattern[str] | None,
    max_chars: int,
    *,
    wording: str = "",
) -> tuple[Case, ...]:
    """Return the questions which answer of a pair is the better, in both orders.

    Args:
        name: Of the set.
        pair: Of it.
        pairwise: The rubric.
        controls: Control tokens of the judge, which answers may not hold.
        max_chars: Longer answers are cut.
        wording: Path of the rubric, where it is not the passport's own.
    """
    first, second = (
        fence(text, controls=controls, max_chars=max_chars) for text in (pair.first, pair.second)
    )
    forward, backward = (
        pairwise_messages(
            pairwise,
            question=pair.instruction,
            points=pair.points,
            first=one,
            second=other,
            controls=controls,
        )
        for one, other in ((first, second), (second, first))
    )
    return tuple(
        Case(order_id(name, pair, side, wording), "pairwise", tuple(messages), pairwise.dialect)
        for side, messages in (("forward", forward), ("backward", backward))
    )


def order_id(name: str, pair: GoldPair, side: str, wording: str = "") -> str:
    """Return the id of a question about a pair, by a rubric that is not the passport's own."""
    return gold_id(name, pair.id, side, *([wording] if wording else []))


def gold_id(*parts: str) -> str:
    """Return an id of its own for a set's name and what is asked in it, spaces in them or not."""
    return json_text(["gold", *parts])


def retest(
    gold: Sequence[GoldSet],
    drawn: DrawnPairs,
    first: Mapping[str, Ruling],
    second: Mapping[str, Ruling],
    root: Path,
) -> Retest | None:
    """Return what a judge said to the drawn pairs, and of how many it said another thing later.

    A pair without a verdict, such as one whose request failed, says nothing of a change.

    Args:
        gold: Where they are from.
        drawn: See `pairs_to_ask_twice`.
        first: Its rulings by id of the case; `second` those of the second time.
        second: See above.
        root: The project, relative to which files are named.

    Returns:
        None where no pair had verdicts both times.
    """
    said = [
        (AskedTwice(name, pair.id, *before), before != now)
        for name, pair in drawn
        if (before := choices(name, pair, first)) and (now := choices(name, pair, second))
    ]
    if not said:
        return None
    return Retest(
        files={one.name: one.source if one.source.startswith(HUB)
               else public_path(str(Path(one.source).absolute()), root) for one in gold},
        asked=tuple(one for one, _ in said),
        moved=sum(other for _, other in said),
    )  # fmt: skip


def choices(
    name: str, pair: GoldPair, rulings: Mapping[str, Ruling], *, wording: str = ""
) -> tuple[Choice, Choice] | None:
    """Return the verdicts in both orders, None where one is missing."""
    forward, backward = (
        rulings[order_id(name, pair, side, wording)] for side in ("forward", "backward")
    )
    if forward.choice is None or backward.choice is None:
        return None
    return forward.choice, backward.choice


def doubting(
    session: JudgeSession, cases: Sequence[AnyCase], *, stored_only: bool = False
) -> tuple[Bench, bool]:
    """Have a judge rule, and return whether rulings in the store may be of another one.

    They may from before the first is made until `ask_again` has found the judge to be what its
    passport says: also where a run was killed in between, or the gold was not at hand. Those of a
    run that was cut short are believed when the judge that answers the next time is the one that
    was certified.

    Args:
        session: Of the judge.
        cases: What it rules on.
        stored_only: Whether it can make nothing.
    """
    with opened(session.stores[0]) as store:
        before = store.doubts(session.shared)
        if not stored_only:
            store.doubt(session.shared)
    bench = session.rule(cases)
    if before or bench.engine.computed:
        return bench, True
    with opened(session.stores[0]) as store:
        store.vouch(session.shared)
    return bench, False


def _forget(session: JudgeSession) -> None:
    """Remove from the stores what a judge ever said: nobody knows which of it is another's."""
    for path in filter(Path.exists, session.stores):
        with opened(path) as store:
            store.forget(session.shared)


def ask_again(
    session: JudgeSession,
    passport: Passport,
    demands: PassportSpec,
    *,
    requests: int,
    max_chars: int,
    root: Path,
    tell: Tell,
) -> tuple[Reason | None, Bench | None]:
    """Ask a judge about pairs of its passport once more, and say if it is not what it was.

    Nothing is taken from the store or put there: what counts is what answers now. If it is not
    what it was, all that the stores have of it is removed, so that neither the same run nor a new
    passport takes the other one's verdicts from there.

    Args:
        session: Whose engine has answered the run's own cases.
        passport: Of the judge.
        demands: Of the judge set, which may name gold files.
        requests: That the run has made of the judge.
        max_chars: Longer answers are cut for it.
        root: The project.
        tell: Told where it cannot be asked, since its gold is not at hand.

    Returns:
        Why its verdicts count for nothing, None if it is what it was or could not be asked; and
        what it ruled, None if it was not asked.
    """
    known = passport.retest
    if known is None:
        tell(Note("not_asked_again", passport.judge, {"why": "old", "gold": ()}))
        return None, None
    pairs = _at_hand(passport, known, demands, root)
    wanted = known.asked[: pairs_due(known, requests)]
    try:
        pairwise = load_rubric(
            passport.pairwise.path.removeprefix("prompts/"), root=root, kind="pairwise"
        )
    except HarnessError:
        pairwise = None
    if pairwise is None or pairwise.digest != passport.pairwise.digest:
        tell(Note("not_asked_again", passport.judge, {"why": "rubric", "gold": ()}))
        return None, None
    if missing := sorted({one.gold for one in wanted if (one.gold, one.pair) not in pairs}):
        tell(Note("not_asked_again", passport.judge, {"why": "gold", "gold": tuple(missing)}))
        return None, None
    cases = [case for one in wanted
             for case in order_cases(one.gold, pairs[one.gold, one.pair], pairwise,
                                     session.controls, max_chars)]  # fmt: skip
    bench = session.rule_anew(cases)
    said = [(one, now) for one in wanted
            if (now := choices(one.gold, pairs[one.gold, one.pair], bench.rulings))]  # fmt: skip
    if 2 * len(said) < len(wanted):
        tell(Note("not_asked_again", passport.judge, {"why": "lost", "gold": ()}))
        return None, bench
    moved = sum(now != (one.forward, one.backward) for one, now in said)
    if chance(moved, len(said), known) >= RISK:
        with opened(session.stores[0]) as store:
            store.vouch(session.shared)
        return None, bench
    _forget(session)
    facts: dict[str, Fact] = {"judge": passport.judge, "moved": moved, "n": len(said),
             "then": known.moved, "twice": len(known.asked)}  # fmt: skip
    return Reason("judge_moved", facts), bench


def pairs_due(known: Retest, requests: int) -> int:
    """Return about how many pairs a judge is asked again in a run of so many requests."""
    return min(len(known.asked), max(LEAST, int(SHARE * requests / 2)))


def chance(moved: int, n: int, known: Retest) -> float:
    """Return how probable it is that so many of n pairs move, of a judge that is what it was.

    One-sided by Fisher's exact test: of all pairs that were asked about again, for the passport or
    now, as many have moved as did, and those of now are drawn from them.
    """
    from scipy.stats import hypergeom

    twice = len(known.asked)
    return float(hypergeom.sf(moved - 1, twice + n, known.moved + moved, n))


def _at_hand(
    passport: Passport, known: Retest, demands: PassportSpec, root: Path
) -> dict[tuple[str, str], GoldPair]:
    """Return the pairs of gold files that are what they were, by name of the set and id."""
    digests = {one.name: one.digest for one in passport.sets}
    found: dict[tuple[str, str], GoldPair] = {}
    for source in dict.fromkeys((*known.files.values(), *demands.gold)):
        for one in _opened(source, root):
            for name, digest in digests.items():
                if one.digest == digest:
                    found |= {(name, pair.id): pair for pair in one.pairs}
    return found


def _opened(source: str, root: Path) -> Iterator[GoldSet]:
    try:
        yield open_gold(source if source.startswith(HUB) else str(root / source))
    except HarnessError:
        # What cannot be read is not at hand.
        return
