#!/usr/bin/env bash
# openai 3.57.0, seen 2026-11-28.
# Guess: a Retry-After that is too long is cut, and the client asks again after its own back-off.
# Real: up to 120 s it is waited out in full; above that the client does not ask again at all,
# however many retries it was allowed.
# Why it matters: a rate-limited judge loses its verdicts at the first 429 with a long wait.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0
"$work/venv/bin/python" - <<'PY'
import http.server
import threading
import time

import openai

asked = []


class Busy(http.server.BaseHTTPRequestHandler):
    wait = "1"

    def do_POST(self):
        asked.append(self.wait)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(429)
        self.send_header("retry-after", self.wait)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(
    base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", max_retries=2
)
found = {}
for wait in ("1", "121"):
    Busy.wait, before = wait, time.monotonic()
    asked.clear()
    try:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    except openai.RateLimitError:
        found[wait] = len(asked)
        print(f"retry-after {wait}: asked {len(asked)} times in {time.monotonic() - before:.1f} s")
assert found == {"1": 3, "121": 1}, found
PY
