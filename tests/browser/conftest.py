"""Pages in a headless Chromium, where this machine has one; else their tests are skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


# Not for the whole session: Playwright runs an event loop in this thread for as long.
@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium of the system, which takes a second to start."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed: pip install -e .[browser]"
    )
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Return `open_page(path, **context)`: Playwright's page of a local file.

    The context takes what `Browser.new_context` does, such as `color_scheme="dark"`. After the test
    it is asserted that no page has asked for anything but its file, nor had an error.
    """
    contexts, asked, errors, opening = [], [], [], set()

    def opened(path: Path, **context):
        contexts.append(chromium.new_context(offline=True, **context))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and errors.append(said.text))
        opening.add(address := path.resolve().as_uri())
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors
    asked = [url for url in asked if url not in opening]
    assert not [url for url in asked if not url.startswith(("data:", "blob:"))]
