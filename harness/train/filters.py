"""Filters of a recipe: applied in order, each counted, none silent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import SpecError
from harness.spec.recipe import Balance, FilterSpec, Range, Size
from harness.spec.yamlfile import YamlFile
from harness.suggest import did_you_mean
from harness.train.duplicates import first_of_alikes, first_of_equals
from harness.train.rows import Dialogue, need_column, number_text

COLUMNS = {
    "language": "language",
    "score": "opus_score",
    "topics": "sonnet_topic",
    "topic": "sonnet_topic",
    "complexity": "sonnet_complexity",
    "regex_flag": "is_bad_by_regex",
    "source": "source",
}
_CODE = re.compile(
    r"```|^[ \t]*~~~|</\w+>|#include\s*<|\bdef \w+\(|\bfunction\s*\w*\s*\([^()\n]*\)\s*\{"
    # Prose imports oil: a line of its own, Cyrillic before it, or a well-known package.
    r"|(?:^[ \t]*|[\u0430-\u044f\u0451] )import \w+(?:\.\w+)*(?: as \w+)?[ \t]*$"
    r"|\bimport (?:\w+\.)+[\w*]+;?[ \t]*$"
    r"|\bimport (?:os|sys|json|numpy|pandas|matplotlib|tensorflow|sklearn)\b"
    r"|^[ \t]*from [\w.]+ import (?:[*(]|\w+(?:,? \w+)*[ \t]*$)"
    # Columns may stand on lines of their own; an article after SELECT is loud prose.
    r"|\bSELECT\s(?!\s*(?:THE|AN|ONE|YOUR|A(?!\s+FROM\b))\b)[^!?]{1,400}?\sFROM\b"
    r"|(?i:\bselect\s+\*\s+from\b)"
    r"|\b(?:int|long|void|char|float|double|bool)\s+\*?\w+\s*\([^()\n]*\)\s*\{"
    r"|=>\s*\{|\bpublic static\b|\bpublic class \w+\s*(?:\{|extends\b|implements\b)"
    r"|\bconsole\.log\(|\bprint\(",
    re.MULTILINE,
)
# A sentence that begins right after a full stop has a capital (`end.Net`, `yes.Come`), and so have
# names such as ASP.NET; endings that are words or initials elsewhere need a path.
_LINK = re.compile(
    r"https?://|\bwww\.|(?<=[\w-])\.(?-i:com|org|COM|ORG)\b"
    r"|(?<=[\w-])(?<!\basp)(?<!\bself)\.(?-i:net|ru|io|RU)\b(?!\.\w|\()"
    r"|(?<=[\w-])\.(?:me|be|gl|ly|co|cc|ai|tv|dev|app|info|edu|gov|uk|de|fr|eu|us|su|ua|by|kz)/\w",
    re.IGNORECASE,
)
# As JSON, pandas (booleans with gaps become numbers), data bases and people write it.
_FLAGS: Mapping[str, bool | None] = {
    "": None,
    **dict.fromkeys(("true", "1", "1.0", "yes", "t", "y"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "f", "n"), False),
}
_I_AM = r"\bi(?: am|['\u2019]?m)"
# The beginnings of answers that decline, in the languages of the data.
_REFUSAL = re.compile(
    r"\bas an? (ai|artificial intelligence|language model)\b"
    rf"|{_I_AM} (just )?an? (ai|language model)\b|{_I_AM} sorry,? but\b|\bi apologi[sz]e, but\b"
    rf"|(\bi can(no|['\u2019])t|{_I_AM} (not able|unable) to) "
    r"(help(?! (but|it|myself|\w+ing)\b)|assist|fulfil|comply|provide|answer)"
    r"|как (искусственный интеллект|языковая модель|ии\b)|я (всего лишь |просто )?(ии\b|языковая)"
    r"|я [\u2014\u2013-] (ии\b|языковая модель|искусственный интеллект)"
    r"|я не (могу|в состоянии) (помочь|ответить|выполнить|предоставить|обсуждать)"
    r"|(извините|простите|к сожалению),? (но )?я не (могу|умею|способ)"
    r"|作为(一个)?(人工智能|语言模型)|我无法(提供|帮助|回答)",
    re.IGNORECASE,
)

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of the funnel: a filter in words, and the dialogues before and after it."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """What is left behind the filters, as far as they went.

    Attributes:
        kept: The dialogues, in the order of the source.
        steps: The filters that were tried.
        problem: Why one of them cannot work or leaves too few, so that no later one was tried.
    """

    kept: list[Dialogue]
    steps: list[Step]
    problem: SpecError | None = None


def apply_filters(
    dialogues: Sequence[Dialogue],
    filters: Sequence[FilterSpec],
    *,
    count_tokens: CountTokens,
    file: YamlFile,
) -> tuple[list[Dialogue], list[Step]]:
    """Return what all filters keep, in the order of the source, and what each one dropped.

    Args:
        dialogues: The dialogues as read.
        filters: The recipe's filters.
        count_tokens: Number of tokens of each text.
        file: The recipe's file, for the place of a mistake.

    Raises:
        SpecError: A column is missing, a value stands in no dialogue, or a step leaves too few.
    """
    found = run_filters(dialogues, filters, count_tokens=count_tokens, file=file)
    if found.problem:
        raise found.problem
    return found.kept, found.steps


def run_filters(
    dialogues: Sequence[Dialogue],
    filters: Sequence[FilterSpec],
    *,
    count_tokens: CountTokens,
    file: YamlFile,
) -> Funnel:
    """Return what the filters keep, up to the first one that cannot work or leaves too few.

    Args:
        dialogues: The dialogues as read.
        filters: The recipe's filters.
        count_tokens: Number of tokens of each text; raises SpecError where it cannot count.
        file: The recipe's file, for the place of a mistake.
    """
    kept = list(dialogues)
    steps: list[Step] = []
    for index, spec in enumerate(filters):
        where: tuple[str | int, ...] = ("data", "filters", index)
        step_filter = _Filter(dialogues, kept, spec, count_tokens, file, where)
        try:
            keep, remark = step_filter.keep(), step_filter.remark()
        except SpecError as error:
            return Funnel(kept, steps, error)
        kept = [dialogue for dialogue, good in zip(kept, keep, strict=True) if good]
        steps.append(Step(describe(spec) + remark, len(keep), len(kept)))
        least = spec.size.at_least if spec.size else 1
        if len(kept) < least:
            return Funnel(kept, steps, file.error(_too_few(steps, least), where))
    return Funnel(kept, steps)


def _too_few(steps: Sequence[Step], least: int) -> str:
    step = steps[-1]
    left = (f"{step.after} of {step.before} dialogues, fewer than the {least} wanted"
            if step.after else f"none of {step.before} dialogues")  # fmt: skip
    earlier = "; ".join(f"{one.name}: {one.after}" for one in steps[-4:-1]) or "no filter"
    return (
        f"step {len(steps)} ({step.name}) leaves {left}; loosen it or a step before it ({earlier})"
    )


def describe(spec: FilterSpec) -> str:
    """Return a filter in a few words, as the funnel shows it."""
    value = getattr(spec, spec.name)
    if isinstance(value, Balance):
        return f"at most {value.at_most} a {value.by.replace('_', ' ')}"
    if isinstance(value, Size):
        return f"size {value.at_least} to {value.at_most}"
    if spec.near_duplicates:
        return f"without near duplicates (similarity {spec.near_duplicates.similarity:g})"
    if spec.topics:
        kept = spec.topics.keep
        return ("topics " if kept else "topics without ") + ", ".join(
            kept or spec.topics.drop or ()
        )
    words = ", ".join(value) if isinstance(value, list) else str(value)
    return f"{spec.name} {words}".replace("_", " ")


def length_group(tokens: int) -> str:
    """Return the doubling range that a length lies in: `32-63`, `64-127`, …, `0-15` at least."""
    low = 1 << max(tokens.bit_length() - 1, 0)
    return "0-15" if low < 16 else f"{low}-{2 * low - 1}"


@dataclass(frozen=True, slots=True)
class _Filter:
    """One filter at work: `read` are all dialogues of the source, `now` those that are left."""

    read: Sequence[Dialogue]
    now: Sequence[Dialogue]
    spec: FilterSpec
    count_tokens: CountTokens
    file: YamlFile
    where: tuple[str | int, ...]

    def keep(self) -> list[bool]:
        spec = self.spec
        if spec.language is not None:
            return self._among("language", spec.language)
        if spec.complexity is not None:
            return self._among("complexity", spec.complexity)
        if spec.topics is not None:
            named = spec.topics.keep or spec.topics.drop or []
            inside = self._among("topics", named)
            return inside if spec.topics.keep else [not good for good in inside]
        if spec.score is not None:
            return self._score(spec.score)
        if spec.turns is not None:
            return [dialogue.turns in spec.turns for dialogue in self.now]
        if spec.reply_tokens is not None:
            return [all(n in spec.reply_tokens for n in row) for row in self._reply_tokens()]
        if spec.near_duplicates is not None:
            texts = [dialogue.text for dialogue in self.now]
            return first_of_alikes(texts, spec.near_duplicates.similarity)
        if spec.balance is not None:
            return self._balance(spec.balance)
        if spec.size is not None:
            return _draw(len(self.now), spec.size.at_most, spec.size.seed)
        return self._without()

    def remark(self) -> str:
        """Say how many dialogues were kept that have no flag to be judged by."""
        if self.spec.without != "regex_flag":
            return ""
        unknown = self._flags().count(None)
        return f" (without a value, kept: {unknown})" if unknown else ""

    def _column(self, name: str, dialogues: Sequence[Dialogue]) -> list[str]:
        return need_column(dialogues, COLUMNS[name], self.file, self.where)

    def _among(self, name: str, wanted: Sequence[str]) -> list[bool]:
        known = Counter(self._column(name, self.read))
        for value in wanted:
            if value not in known:
                common = ", ".join(value or "''" for value, _ in known.most_common(12))
                fix = did_you_mean(value, known, f"known: {common}")
                raise self.file.error(f"no dialogue has {name} '{value}'; {fix}", self.where)
        return [value in wanted for value in self._column(name, self.now)]

    def _score(self, wanted: Range) -> list[bool]:
        out: list[bool] = []
        for dialogue, value in zip(self.now, self._column("score", self.now), strict=True):
            try:
                out.append(bool(value) and float(value) in wanted)
            except ValueError as error:
                raise self.file.error(f"row {dialogue.number} has '{value}' in column "
                                      f"'{COLUMNS['score']}', which is not a number",
                                      self.where) from error  # fmt: skip
        return out

    def _flags(self) -> list[bool | None]:
        """Return whether each dialogue bears the flag, None where nothing is said."""
        out: list[bool | None] = []
        for dialogue, value in zip(self.now, self._column("regex_flag", self.now), strict=True):
            flag = _FLAGS.get(value.strip().lower(), value)
            if isinstance(flag, str):
                raise self.file.error(f"row {dialogue.number} has '{value}' in column "
                                      f"'{COLUMNS['regex_flag']}', which is neither yes nor no; "
                                      "write true or false", self.where)  # fmt: skip
            out.append(flag)
        return out

    def _reply_tokens(self) -> list[list[int]]:
        counts = iter(self.count_tokens([text for d in self.now for text in d.replies]))
        return [[next(counts) for _ in dialogue.replies] for dialogue in self.now]

    def _balance(self, spec: Balance) -> list[bool]:
        if spec.by == "reply_tokens":
            groups = [length_group(sum(row)) for row in self._reply_tokens()]
        else:
            values = self._column(spec.by, self.now)
            groups = [number_text(one) for one in values] if spec.by == "score" else values
        keep = [False] * len(self.now)
        for turn, group in enumerate(sorted(set(groups))):
            members = [at for at, name in enumerate(groups) if name == group]
            drawn = _draw(len(members), spec.at_most, spec.seed + turn)
            for at, good in zip(members, drawn, strict=True):
                keep[at] = good
        return keep

    def _without(self) -> list[bool]:
        what = self.spec.without
        if what == "regex_flag":
            return [flag is not True for flag in self._flags()]
        if what == "exact_duplicates":
            return first_of_equals([dialogue.messages for dialogue in self.now])
        if what == "refusals":
            return [not any(map(_REFUSAL.search, dialogue.replies)) for dialogue in self.now]
        pattern = _CODE if what == "code" else _LINK
        return [not pattern.search(dialogue.text) for dialogue in self.now]


def _draw(have: int, wanted: int, seed: int) -> list[bool]:
    """Return which of `have` things are drawn: `wanted` of them, or all if they are fewer."""
    chosen = set(np.random.default_rng(seed).permutation(have)[:wanted].tolist())
    return [at in chosen for at in range(have)]
