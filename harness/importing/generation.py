"""How a task of generated answers lets a model write and reads what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.importing.taskfile import TaskFile
from harness.records import Json

# Of lm-evaluation-harness: the longest answer in tokens, and what no match is read as.
_MOST_TOKENS = 256
_NO_MATCH = "[invalid]"
_MATCHED = r"#### (\-?[0-9\.\,]+)"
# Whole lines too, as `find` takes away white space around what it finds.
_ALL = r"(?s).+"
_GREEDY: Mapping[str, tuple[Json, ...]] = MappingProxyType({
    "do_sample": (False, None), "temperature": (0, 0.0, None), "top_p": (1, 1.0, None),
    "top_k": (0, 1, None), "num_beams": (1, None),
})  # fmt: skip
_MERGED = {"ignore_case": "case", "ignore_punctuation": "punctuation"}
_OF_METRIC = ("metric", "aggregation", "higher_is_better", "regexes_to_ignore", *_MERGED)


@dataclass(frozen=True, slots=True)
class Generation:
    """What is kept of it.

    Attributes:
        until: Texts that end an answer.
        max_tokens: The longest answer.
        find: Patterns and which of their matches is read on.
        drop: Patterns that are taken out of answer and target.
        ignore: `case`, `punctuation`.
    """

    until: tuple[str, ...]
    max_tokens: int
    find: tuple[tuple[str, int], ...]
    drop: tuple[str, ...]
    ignore: tuple[str, ...]

    def scoring(self, lead: str) -> dict[str, Json]:
        """Return it as an eval set writes it.

        Args:
            lead: White space that the right answers begin with.
        """
        found: list[Json] = [one if not match else {"regex": one, "match": match}
                             for one, match in self.find]  # fmt: skip
        read: dict[str, Json] = {"find": found, "drop": list(self.drop),
                                 "ignore": list(self.ignore), "lead": lead}  # fmt: skip
        return {"method": "generate", "max_tokens": self.max_tokens, "until": list(self.until),
                "read": {key: value for key, value in read.items() if value}}  # fmt: skip


def checked_generation(file: TaskFile, chosen: str | None = None) -> Generation:
    """Return how a task's answers are made and read.

    Args:
        file: Its keys.
        chosen: Name of one of its filters.

    Raises:
        SpecError: Something cannot be kept, with its key.
    """
    until, most = _kwargs(file)
    metric = _metric(file)
    ignore = tuple(ours for theirs, ours in _MERGED.items() if metric.get(theirs))
    drop = metric.get("regexes_to_ignore") or []
    place = _metrics(file).index(metric)
    if not isinstance(drop, list) or not all(isinstance(one, str) for one in drop):
        raise file.error("write a list of patterns", "metric_list", place, "regexes_to_ignore")
    return Generation(until, most, _find(file, chosen), tuple(map(str, drop)), ignore)


def _kwargs(file: TaskFile) -> tuple[tuple[str, ...], int]:
    given = file.data.get("generation_kwargs") or {}
    if not isinstance(given, dict):
        raise file.error('write a mapping, such as {until: ["\\n"]}', "generation_kwargs")
    for key, value in given.items():
        if value is not None and key in _GREEDY and value not in _GREEDY[key]:
            raise file.error(f"{value}: answers are greedy here, the most probable token each "
                             "time; remove it", "generation_kwargs", key)  # fmt: skip
        if key not in (*_GREEDY, "until", "max_gen_toks"):
            raise file.error("is not kept; remove it", "generation_kwargs", key)
    until = given.get("until", ["\n\n"])
    listed = [until] if isinstance(until, str) else until
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise file.error("write a list of texts", "generation_kwargs", "until")
    most = given.get("max_gen_toks", _MOST_TOKENS)
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise file.error(f"{most!r} is no number of tokens; write a whole one",
                         "generation_kwargs", "max_gen_toks")  # fmt: skip
    return tuple(str(one) for one in listed if one), most


def _metrics(file: TaskFile) -> list[Json]:
    given = file.data.get("metric_list") or []
    return given if isinstance(given, list) else [given]


def _metric(file: TaskFile) -> dict[str, Json]:
    """Return the entry of exact_match."""
    for place, one in enumerate(_metrics(file)):
        if not isinstance(one, dict) or one.get("metric") != "exact_match":
            continue
        for key, value in one.items():
            if key not in _OF_METRIC:
                raise file.error("is not kept; remove it", "metric_list", place, key)
            if {"aggregation": "mean", "higher_is_better": True}.get(key, value) != value:
                raise file.error("is not kept: accuracy is a mean, and more of it is better; "
                                 "remove it", "metric_list", place, key)  # fmt: skip
        return one
    raise file.error("has no exact_match, the one metric of generated answers that has a figure "
                     "here, accuracy; add {metric: exact_match}", "metric_list")  # fmt: skip


def _find(file: TaskFile, chosen: str | None) -> tuple[tuple[str, int], ...]:
    """Return the patterns of the one filter that there is, or that is chosen."""
    given = file.data.get("filter_list") or []
    filters = given if isinstance(given, list) else [given]
    named = {str(one.get("name")): (place, one) for place, one in enumerate(filters)
             if isinstance(one, dict)}  # fmt: skip
    if chosen is not None and chosen not in named:
        raise file.error(f"--filter {chosen}: is no filter of the task, which has "
                         f"{', '.join(named) or 'none'}", "filter_list")  # fmt: skip
    if len(named) < len(filters):
        raise file.error("write a list of {name, filter}, each with a name of its own",
                         "filter_list")  # fmt: skip
    if chosen is None and len(named) > 1:
        raise file.error(f"answers are read in one way here, and these are several; name one by "
                         f"--filter: {', '.join(named)}", "filter_list")  # fmt: skip
    if not named:
        return ()
    place, one = named[chosen] if chosen is not None else next(iter(named.values()))
    steps = one.get("filter")
    if not isinstance(steps, list) or not steps:
        raise file.error("write a list of {function}", "filter_list", place, "filter")
    found = [_step(file, step, "filter_list", place, "filter", number)
             for number, step in enumerate(steps)]  # fmt: skip
    return tuple(step for step in found if step is not None)


def _step(file: TaskFile, step: Json, *where: str | int) -> tuple[str, int] | None:
    function = step.get("function") if isinstance(step, dict) else None
    if not isinstance(step, dict) or function not in ("regex", "remove_whitespace", "take_first"):
        raise file.error(f"'{function}' is not kept; kept are regex, remove_whitespace and "
                         "take_first", *where)  # fmt: skip
    known = ("regex_pattern", "group_select", "fallback") if function == "regex" else ()
    for key in step:
        if key not in ("function", *known):
            raise file.error("is not kept; remove it", *where, key)
    if function == "take_first":
        return None
    if function == "remove_whitespace":
        return _ALL, 0
    pattern, match = step.get("regex_pattern", _MATCHED), step.get("group_select", 0)
    if not isinstance(pattern, str) or isinstance(match, bool) or not isinstance(match, int):
        raise file.error("write a pattern as a text, and group_select as a whole number", *where)
    if step.get("fallback", _NO_MATCH) != _NO_MATCH:
        raise file.error("is not kept: an answer without a match has no score here; remove it",
                         *where, "fallback")  # fmt: skip
    return pattern, match
