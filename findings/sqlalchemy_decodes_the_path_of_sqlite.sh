#!/usr/bin/env bash
# SQLAlchemy 2.0.44 and 2.1.9, seen 2026-12-01.
# Guess: behind sqlite:/// stands the path of a file, as it is.
# Real: a question mark ends it in both, and what follows is dropped as a query. Since 2.1 escapes are
# decoded too: 100%20.db is written as "100 .db". Nothing is said, in either case.
# Why it matters: MLflow and others take such an address. A store is then not where it was asked for,
# and two stores can be one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
for package in sqlalchemy==2.0.44 sqlalchemy==2.1.9; do
  "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
  mkdir "$work/$package"
  "$work/venv/bin/python" - "$work/$package" <<'PY'
import sys
from pathlib import Path

import sqlalchemy

folder = Path(sys.argv[1])
for name in ("plain.db", "100%20.db", "what?.db"):
    with sqlalchemy.create_engine(f"sqlite:///{folder / name}").connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (a INTEGER)"))
found = sorted(path.name for path in folder.iterdir())
print(sqlalchemy.__version__, found)
spaced = "100 .db" if sqlalchemy.__version__ == "2.1.9" else "100%20.db"
assert found == [spaced, "plain.db", "what"]
PY
done
