#!/usr/bin/env bash
# statsmodels 0.15.0, seen 2026-11-29.
# Guess: correcting three p-values takes microseconds, by whichever method.
# Real: multipletests(method="holm") runs a full garbage collection each time it is called; "fdr_bh"
# and "bonferroni" run none. With three million objects in the process (a test session with torch
# and transformers has as many) one call took 0.27 s, and one of "fdr_bh" 0.2 ms.
# Why it matters: a test session that writes hundreds of reports spends its time there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check statsmodels==0.15.0
"$work/venv/bin/python" - <<'PY'
import gc
import time

from statsmodels.stats.multitest import multipletests

full = []
gc.callbacks.append(lambda phase, info: full.append(phase) if info["generation"] == 2 else None)
heap = [[number] for number in range(3_000_000)]
gc.disable()
for method in ("holm", "fdr_bh", "bonferroni"):
    full.clear()
    began = time.perf_counter()
    multipletests([0.01, 0.02, 0.2], method=method)
    seconds = time.perf_counter() - began
    runs = full.count("start")
    print(f"{method}: {runs} full collections, {seconds:.4f} s with {len(heap)} objects")
    assert runs == (1 if method == "holm" else 0), (method, runs)
PY
