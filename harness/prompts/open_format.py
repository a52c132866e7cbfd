"""A model's folder -> how it takes conversations."""

from __future__ import annotations

from pathlib import Path

from harness.errors import PromptError
from harness.jsontext import json_value
from harness.prompts.chat import ChatFormat
from harness.prompts.choose_template import (
    AdapterChat,
    choose_system,
    choose_template,
    choose_variables,
)
from harness.prompts.end_marks import answer_ends, answer_lead, control_tokens, end_ids
from harness.prompts.forms import Forms
from harness.prompts.thinking import open_plan
from harness.prompts.tokenize import Pieces
from harness.prompts.tokenizers import load_tokenizer, tokenizing
from harness.records import Thinking
from harness.sources.loaded import code_problem
from harness.spec import ModelSpec


def open_format(
    name: str,
    spec: ModelSpec,
    folder: Path,
    *,
    root: Path,
    trained: AdapterChat | None = None,
    where: str = "",
    thinking: Thinking | None = None,
) -> ChatFormat:
    """Load a model's tokenizer and find out how it takes conversations.

    Args:
        name: The model's name, for errors.
        spec: Its entry in models.yaml.
        folder: Its weights folder.
        root: The project; a template file lies under `root/prompts`.
        trained: What the model's adapter was trained with, or None.
        where: What names the entry in errors, if that is not in models.yaml.
        thinking: Whether it thinks before it answers; None leaves it to the template.

    Raises:
        PromptError: Another template than the adapter's, no chat template where one is needed,
            a folder without tokenizer, or a template that does not think as it is to.
    """
    where = where or f"models.yaml: {name}"
    try:
        tokenizer = load_tokenizer(folder, code=spec.trust_remote_code)
        config = json_value((folder / "config.json").read_text(encoding="utf-8"))
        with tokenizing():
            trial = tokenizer("a")["input_ids"]
    except (OSError, ValueError, RecursionError, PromptError) as error:
        first = code_problem(error) or str(error).splitlines()[0]
        raise PromptError(f"{where}: no usable tokenizer in {folder}: {first}") from error
    template = choose_template(where, spec, tokenizer, root, trained)
    bos = tokenizer.bos_token_id
    inner = config.get("text_config", config)
    own_window = inner.get("max_position_embeddings") if isinstance(inner, dict) else None
    window = spec.max_model_len or own_window
    if not isinstance(window, int):
        raise PromptError(f"{where}: its config names no window; add max_model_len")
    rendering, forms = None, None
    if template is not None:
        rendering = choose_variables(where, spec, tokenizer, template, trained)
    elif spec.template:
        raise PromptError(f"{where}: template: plain text has no variables; remove it")
    elif spec.system is not None:
        raise PromptError(f"{where}: system: plain text has no system turn; remove it")
    own = end_ids(tokenizer, folder)
    ends, stop, mark = answer_ends(tokenizer, rendering)
    plan = open_plan(where, rendering, thinking)
    if rendering is not None:
        rendering = rendering.given(plan.variables) if plan is not None else rendering
        system = choose_system(where, spec, trained)
        forms = Forms(rendering, system_role=spec.system_role, system=system)
    return ChatFormat(
        tokenizer=tokenizer,
        pieces=Pieces(tokenizer),
        rendering=rendering,
        forms=forms,
        bos_id=bos if bos is not None and trial[:1] == [bos] else None,
        window=window,
        end_ids=tuple(sorted(own | ends)),
        stop_ids=() if stop else tuple(sorted(ends - own)),
        controls=control_tokens(tokenizer, mark, rendering),
        stop=stop,
        plan=plan,
        lead=answer_lead(rendering) if rendering is not None and plan is None else "",
    )
