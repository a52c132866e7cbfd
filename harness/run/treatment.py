"""What differs between two sides on the same samples: the treatment that a comparison is of."""

from __future__ import annotations

from harness.records import GIVEN, Provenance, Treatment
from harness.run.provenance import extension_changes, template_changes, told_changes


def treatment(before: Provenance, now: Provenance) -> tuple[Treatment, ...]:
    """Return the names of what differs between two sides that can be compared."""
    given = before.engine == now.engine and now.engine.startswith(f"{GIVEN} ")
    wording = before.wording != now.wording
    found: dict[Treatment, bool] = {
        "wording": wording,
        "shots": before.prompts != now.prompts and not wording,
        "weights": before.model != now.model and not given,
        "adapter": before.adapter != now.adapter,
        "engine": before.engine != now.engine,
        "dtype": before.numbers != now.numbers,
        "thinking": before.thinking != now.thinking,
        "template": bool(template_changes(before.template, now.template)),
        "answers": before.model != now.model and given,
        "extensions": bool(extension_changes(before.extensions, now.extensions)),
    }
    return tuple(name for name, differs in found.items() if differs)


def changed(before: Provenance, now: Provenance) -> tuple[str, ...]:
    """Return what each of these was and is, but for prompts and shots, which have digests only."""
    given = before.engine == now.engine and now.engine.startswith(f"{GIVEN} ")
    pairs = (
        ("answers" if given else "model's files", before.model, now.model),
        ("adapter", before.adapter, now.adapter),
        ("engine", before.engine, now.engine),
        ("dtype", before.numbers, now.numbers),
        ("thinking", before.thinking, now.thinking),
    )
    return (
        told_changes(pairs)
        + template_changes(before.template, now.template)
        + extension_changes(before.extensions, now.extensions)
    )
