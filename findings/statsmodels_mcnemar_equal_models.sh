#!/usr/bin/env bash
# statsmodels 0.14.5, seen 2026-11-28.
# Guess: McNemar's test of two models that never disagree says that there is no difference.
# Real: so does the exact form (p = 1). The chi-square form divides by zero disagreements and gives
# statistic inf and p = 0, the strongest claim that there is, with a warning of numpy alone.
# Why it matters: comparing a model with itself, or two prompts on few samples, is everyday work.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  statsmodels==0.14.5 numpy==2.3.5 scipy==1.16.3
"$work/venv/bin/python" -W ignore - <<'PY'
from statsmodels.stats.contingency_tables import mcnemar

agree = [[50, 0], [0, 10]]
exact, chi = mcnemar(agree, exact=True), mcnemar(agree, exact=False, correction=True)
print("exact", exact.statistic, exact.pvalue)
print("chi-square", chi.statistic, chi.pvalue)
assert exact.pvalue == 1
assert chi.pvalue == 0
PY
