"""The fixture itself: it opens files, and notices what a page asks for."""

from __future__ import annotations


def test_a_file_is_opened(open_page, tmp_path):
    (tmp_path / "page.html").write_text(
        "<!doctype html><title>A</title><p>?</p>"
        "<script>document.querySelector('p').textContent = 1 + 1</script>"
    )
    page = open_page(tmp_path / "page.html")
    assert (page.title(), page.locator("p").text_content()) == ("A", "2")
