"""A chat template and its variables -> text: the one place where chat templates are rendered.

Templates may ask for the day (`strftime_now`, `date_string`). They get a fixed one, since the
prompts of today would otherwise be other prompts than those of yesterday.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateSyntaxError

from harness.errors import PromptError
from harness.prompts.chance import random_draw
from harness.prompts.limited import RefusedByTemplate, UnboundedTemplate, render_chat
from harness.prompts.limited_child import chat_environment, names_read
from harness.records import Json, Message, TemplateUse
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Of a template's digest.
_DIGITS = 16
# The day that Llama 3.x templates write where nobody tells them one.
DEFAULT_DAY = date(2024, 7, 26)
_CLOCK, _DAY_TEXT, _DAY = "strftime_now", "date_string", "date"
# How the templates that read `date_string` write a day by themselves.
_DAY_FORMAT = "%d %b %Y"
# What a template is given with every conversation, whatever models.yaml says.
_BOUND = ("messages", "add_generation_prompt", "raise_exception")
# A text by which it is seen whether a template shows texts.
_TRIED = "Qz parts xB"
# And what a conversation need not have, or belongs to the tokenizer.
_GIVEN = frozenset(
    (*_BOUND, "tools", "documents", "bos_token", "eos_token", "unk_token", "pad_token",
     "sep_token", "cls_token", "mask_token", "additional_special_tokens")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendering:
    """How conversations become text.

    Attributes:
        tokenizer: Brings the special tokens that a template may name.
        template: Jinja2 chat template.
        variables: Its further variables by name.
        day: The day that it writes, None if it asks for none.
        chosen: Whether that day was chosen in models.yaml, else it is `DEFAULT_DAY`.
        where: What names the model's entry in errors.
        parts: Whether it is given each text as a list of one part, as it shows no other.
    """

    tokenizer: PreTrainedTokenizerBase
    template: str
    variables: Mapping[str, Json]
    day: date | None = None
    chosen: bool = False
    where: str = ""
    parts: bool = False

    def given(self, variables: Mapping[str, Json]) -> Rendering:
        """Return a rendering with further variables."""
        return replace(self, variables={**self.variables, **variables})

    def use(self, system: str | None) -> TemplateUse:
        """Return what is known of all that it renders.

        Args:
            system: Text that conversations without a system text are given, or None.
        """
        given = {**self.variables, **({} if system is None else {"system": system})}
        return TemplateUse(
            hashlib.sha256(self.template.encode()).hexdigest()[:_DIGITS],
            json.dumps(given, ensure_ascii=False, sort_keys=True) if given else "",
            day=self.day.isoformat() if self.day else "",
            day_chosen=self.chosen,
        )

    def texts(
        self, conversations: Sequence[Sequence[Message]], *, ask: bool = False, go_on: bool = False
    ) -> list[str]:
        """Return conversations as text.

        Args:
            conversations: Any number of them.
            ask: End with the beginning of an assistant's turn.
            go_on: Leave the last turn open, so that its text can be continued.

        Raises:
            PromptError: The template refuses one.
            UnboundedTemplate: It takes too much time or memory, or writes too long a text.
        """
        if not conversations:
            return []
        special = {name: str(one) for name, one in self.tokenizer.special_tokens_map.items()}
        try:
            return render_chat(
                self.template,
                conversations,
                {**special, **self.variables},
                day=self.day,
                ask=ask,
                go_on=go_on,
                parts=self.parts,
            )
        except RefusedByTemplate as error:
            raise PromptError(f"the chat template refuses the conversation: {error}; give another "
                              "chat_template in models.yaml") from error  # fmt: skip
        except UnboundedTemplate as error:
            where = f"{self.where}: " if self.where else ""
            raise UnboundedTemplate(f"{where}the chat template {error}; give another "
                                    "chat_template") from error  # fmt: skip


def open_rendering(
    tokenizer: PreTrainedTokenizerBase, template: str, variables: Mapping[str, Json], *, where: str
) -> Rendering:
    """Return how a template is rendered with the variables of a model.

    Args:
        tokenizer: The model's.
        template: Its chat template.
        variables: The block `template` of its entry in models.yaml, or of a recipe; `date`, in the
            form 2026-01-31, is the day that the template gets.
        where: What names the block in errors, such as `models.yaml: tiny: template`.

    Raises:
        PromptError: The template cannot be parsed, or does not read a variable.
    """
    entry = where.removesuffix(": template")
    reads = template_variables(template)
    passed = {key: value for key, value in variables.items() if key != _DAY or _DAY in reads}
    dated = {_CLOCK, _DAY_TEXT} & reads
    for key in variables:
        if key in _BOUND:
            raise PromptError(f"{where}.{key}: comes with every conversation; remove it")
        if key in reads or (key == _DAY and dated):
            continue
        if key == _DAY:
            raise PromptError(f"{where}.{key}: the chat template asks for no day; remove it")
        free = sorted(reads - _GIVEN)
        fix = did_you_mean(key, free, f"it reads {', '.join(free) or 'none'}")
        raise PromptError(f"{where}.{key}: the chat template reads no such variable; {fix}")
    if not dated:
        return _in_parts(Rendering(tokenizer, template, passed, where=entry))
    chosen = _DAY in variables or _DAY_TEXT in variables
    day = date.fromisoformat(str(variables[_DAY])) if _DAY in variables else DEFAULT_DAY
    # A template that has a day of its own for want of a clock is told one only where one is chosen.
    if _DAY_TEXT in reads and (chosen or _CLOCK in reads):
        passed = {_DAY_TEXT: day.strftime(_DAY_FORMAT), **passed}
    if _CLOCK not in reads and not chosen:
        return _in_parts(Rendering(tokenizer, template, passed, where=entry))
    return _in_parts(Rendering(tokenizer, template, passed, day, chosen, entry))


def _in_parts(rendering: Rendering) -> Rendering:
    """Return a rendering whose template is given parts, if it shows a text in that form alone.

    Those of models that see read `content` as a list of texts and pictures, and show nothing of a
    text, or refuse it.
    """
    if "text" not in rendering.template:
        return rendering
    listed = replace(rendering, parts=True)
    return listed if not _shows(rendering) and _shows(listed) else rendering


def _shows(rendering: Rendering) -> bool:
    try:
        (text,) = rendering.texts([[{"role": "user", "content": _TRIED}]])
    except (PromptError, UnboundedTemplate):
        return False
    return _TRIED in text


@lru_cache(maxsize=64)
def template_variables(template: str) -> frozenset[str]:
    """Return the names that a chat template looks up and does not set before.

    Raises:
        PromptError: It is not a Jinja2 template, or draws at random.
    """
    try:
        tree = chat_environment().parse(template)
        if found := random_draw(tree):
            raise PromptError(
                f"the chat template draws by '{found[0]}' (line {found[1]}), so that "
                "its prompts differ from run to run; give another chat_template"
            )
        return frozenset(names_read(tree))
    except TemplateSyntaxError as error:
        raise PromptError(f"the chat template cannot be read: {error.message} (line "
                          f"{error.lineno})") from error  # fmt: skip
    except RecursionError as error:
        raise PromptError("the chat template cannot be read: it is nested too deep") from error
