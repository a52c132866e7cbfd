"""Figures and models as records of Every Eval Ever have them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.export.shared import (
    finite_figures,
    hub_dataset,
    hub_model,
    safe_part,
    set_name,
    task_name,
    trained_on,
)
from harness.figures import figure_kind
from harness.jsontext import json_text
from harness.records import (
    GIVEN,
    EngineInfo,
    Figure,
    Json,
    JudgeInfo,
    Provenance,
    Row,
    Run,
    Standing,
)

_SHARED = {"accuracy": "accuracy", "auc": "auroc"}
"""Figures that are known by a name of the field; others have one of ours."""
_JUDGED = {"score": (1.0, 10.0), **dict.fromkeys(
    ("points", "pass_rate", "win_rate", "corrected_pass_rate", "corrected_win_rate"), (0.0, 1.0)
)}  # fmt: skip
"""Least and greatest value of the figures of judged models."""


def result_id(task: str, figure: str) -> str:
    """Return the name of a figure of a cell within its record."""
    return f"{task}/{figure}"


def model_name(model: str, engine: EngineInfo | None, rested: Provenance | None) -> str:
    """Return `OWNER/NAME` of a model: its own of the hub, `local/NAME` of others."""
    return hub_model(engine, rested) or f"local/{safe_part(model)}"


def model_info(
    model: str, owned: str, engine: EngineInfo | None, rested: Provenance | None
) -> dict[str, Json]:
    """Return what is known of a model and of where it ran."""
    here = engine is not None and engine.source and engine.engine not in ("openai", GIVEN)
    details: dict[str, Json] = {
        "deployment_type": "self_deployed" if here else "unknown",
        "model_availability": "open_weights" if hub_model(engine, rested) else "unknown",
    }
    found: dict[str, Json] = {"name": model, "id": owned, "developer": owned.partition("/")[0]}
    if engine is not None and engine.engine != GIVEN:
        found["inference_engine"] = {"name": engine.engine, "version": engine.version}
    if engine is not None:
        known = {"source": engine.source, "digest": engine.digest, "dtype": engine.dtype,
                 "device": engine.device}  # fmt: skip
        details |= {name: text for name, text in known.items() if text}
    if rested is not None and rested.adapter:
        details["adapter_digest"] = rested.adapter
    return found | {"additional_details": details}


def results_of_row(run: Run, row: Row, dataset: str | None) -> list[Json]:
    """Return a result for each figure of a cell.

    Args:
        run: That it is of.
        row: The cell.
        dataset: Of the hub, where the set's source does not say.
    """
    task = task_name(row.evalset, row.cell, row.model)
    asked = {
        "cell": row.cell, "prompt": row.prompt, "mode": row.mode, "shots": str(row.k),
        "placement": row.placement or "", "selector": row.selector or "",
        "seed": "" if row.seed is None else str(row.seed), "thinking": row.thinking,
        "scoring": row.scoring, "encoder": row.encoder,
    }  # fmt: skip
    config: Json = {"additional_details": {name: text for name, text in asked.items() if text}}
    details = {"unscored": str(row.unscored)}
    if row.reasons:
        counts = {reason.kind: count for reason, count in row.reasons.items()}
        details["unscored_reasons"] = json_text(counts)
    if remarks := "; ".join(trained_on(run, row)):
        details["remarks"] = remarks
    return [
        {
            "evaluation_result_id": result_id(task, name),
            "evaluation_name": task,
            "source_data": _source(run, row, dataset),
            "metric_config": _metric(name),
            "score_details": _score(figure, details),
            "generation_config": config,
        }
        for name, figure in finite_figures(row.figures).items()
    ]


def results_of_standing(run: Run, one: Standing) -> list[Json]:
    """Return a result for each figure of a model in a judge set, with its judges."""
    task = set_name(one.evalset)
    judges = [judge for judge in run.judged.judges if judge.evalset == one.evalset]
    scales = [dict(basis.scale) for basis in run.judged.bases
              if (basis.evalset, basis.model) == (one.evalset, one.model)]  # fmt: skip
    scoring: Json = {
        "judges": [{"model_info": _judge(judge)} for judge in judges],
        "input_prompt": "a rubric of the project, known by its digest",
        "additional_details": {"scale": json_text(scales[0])} if scales else {},
    }
    source: Json = {"dataset_name": task, "source_type": "other",
                    "additional_details": {"evalset": one.evalset}}  # fmt: skip
    details = {"unscored": str(one.unscored), "probes": str(one.probes),
               "judges_hold_passports": "yes"}  # fmt: skip
    return [
        {
            "evaluation_result_id": result_id(task, name),
            "evaluation_name": task,
            "source_data": source,
            "metric_config": _metric(name) | ({"llm_scoring": scoring} if judges else {}),
            "score_details": _score(figure, details),
        }
        for name, figure in finite_figures(one.figures).items()
    ]


def _judge(judge: JudgeInfo) -> dict[str, Json]:
    return {
        "name": judge.judge,
        "id": f"local/{safe_part(judge.judge)}",
        "inference_engine": {"name": judge.engine},
        "additional_details": {
            "deployment_type": "unknown", "model_availability": "unknown",
            "digest": judge.digest, "dtype": judge.dtype, "passport": judge.check.path,
        },
    }  # fmt: skip


def _source(run: Run, row: Row, dataset: str | None) -> dict[str, Json]:
    source = next((one for one in run.info.data if one.evalset == row.evalset), None)
    repo = dataset or hub_dataset(source)
    found: dict[str, Json] = {"dataset_name": set_name(row.evalset)}
    if repo:
        found |= {"source_type": "hf_dataset", "hf_repo": repo,
                  "samples_number": row.n + row.unscored}  # fmt: skip
    else:
        found["source_type"] = "other"
    details: dict[str, Json] = {"evalset": row.evalset}
    if source is not None:
        details |= {"source": source.source, "revision": source.revision}
    return found | {"additional_details": details}


def _metric(name: str) -> dict[str, Json]:
    shared = _SHARED.get(name)
    found: dict[str, Json] = {
        "metric_id": shared or f"pytest-evalsets.{name}",
        "metric_name": name,
        "lower_is_better": False,
    }
    if shared:
        found["metric_kind"] = shared
    if name in _JUDGED:
        low, high = _JUDGED[name]
    else:
        try:
            kind, _ = figure_kind(name)
        except (KeyError, ValueError):  # of an extension that is not here: no bounds are known
            return found
        found["lower_is_better"] = kind.smaller
        low, high = kind.lowest, kind.highest
    return found | {"score_type": "continuous", "min_score": _bound(low), "max_score": _bound(high)}


def _bound(value: float) -> Json:
    if math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def _score(figure: Figure, details: Mapping[str, str]) -> dict[str, Json]:
    interval: Json = {"lower": figure.low, "upper": figure.high, "confidence_level": 0.95}
    return {"score": figure.value, "details": dict(details),
            "uncertainty": {"confidence_interval": interval, "num_samples": figure.n}}  # fmt: skip
