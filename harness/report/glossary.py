"""What the words of a report mean: those alone that it uses."""

from __future__ import annotations

from harness.analysis.findings import Findings
from harness.language import Words
from harness.records import Run


def glossary(run: Run, findings: Findings, t: Words) -> str:
    """Return a list of the words that the tables and gates of a run use.

    Args:
        run: What is shown.
        findings: Of this run.
        t: The words of the report's language.
    """
    figures = {name for row in findings.rows for name in row.figures}
    used = {
        "cell": True,
        "accuracy": "accuracy" in figures,
        "calibrated": "calibrated_accuracy" in figures,
        "auc": "auc" in figures,
        "mass": "label_mass" in figures,
        "trained": any(row.train_rows for row in findings.rows),
        "encoder": any(row.encoder for row in findings.rows),
        "shares": any(row.shares for row in findings.rows),
        "unscored": True,
        "gate": bool(run.gates or run.baselines),
    }
    return "\n".join(f"- {t[f'g_{name}'].strip()}" for name, shown in used.items() if shown)
