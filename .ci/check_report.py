"""Checks the main job's report: every cell and gate is there, with believable figures."""

import sys
from pathlib import Path

from harness.collect import collect_evalset
from harness.report.runfiles import load_run

folder = Path(sys.argv[1])
root = Path(__file__).resolve().parents[1]
run = load_run(folder)
collected = collect_evalset(root / "evalsets/mini.yaml", root)
wanted = [cell.id for cell in collected.cells]
problems = []
if [row.cell for row in run.rows] != wanted:
    problems.append(f"cells {[row.cell for row in run.rows]} are not {wanted}")
for row in run.rows:
    accuracy = row.figures["accuracy"]
    if row.n != 300 or row.unscored or not accuracy.low < accuracy.value < accuracy.high:
        problems.append(f"{row.cell}: n={row.n}, unscored={row.unscored}, accuracy={accuracy}")
if {gate.id for gate in run.gates} != {gate.id for gate in collected.gates}:
    problems.append(f"judged were {[gate.id for gate in run.gates]}")
if not run.gates or any(gate.verdict != "pass" for gate in run.gates):
    problems.append("a gate of the embedded default does not pass")
text = (folder / "report.md").read_text(encoding="utf-8")
problems += [f"{cell} is not in report.md" for cell in wanted if cell not in text]
if len(run.results) != 300 * len(wanted):
    problems.append(f"{len(run.results)} results")
sys.exit("\n".join(problems) or print(f"report of {len(wanted)} cells is complete"))  # noqa: T201
