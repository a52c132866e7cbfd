"""Progress is shown to somebody who watches, and to nobody else."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from harness.plugin.terminal import Terminal


class Screen(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch) -> Screen:
    """Put a terminal where stderr is; in the test itself, since pytest captures anew for it."""
    made = Screen()
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", made)
    return made


def test_stages_are_shown_while_it_is_open(monkeypatch):
    screen = watched(monkeypatch)
    terminal = Terminal()
    assert terminal.shown
    with terminal:
        terminal.update("rendering prompts", 0, 0)
        terminal.update("running m", 3, 12)
    text = screen.getvalue()
    assert "running m" in text
    assert "3/12" in text


def test_it_can_be_opened_again(monkeypatch):
    screen = watched(monkeypatch)
    terminal = Terminal()
    for stage in ("first", "second"):
        with terminal:
            terminal.update(stage, 1, 2)
    assert "second" in screen.getvalue()


def test_nothing_is_shown_while_it_is_closed(monkeypatch):
    screen = watched(monkeypatch)
    terminal = Terminal()
    terminal.update("running m", 1, 2)
    with terminal:
        pass
    terminal.update("running m", 2, 2)
    assert "running" not in screen.getvalue()


def test_it_ends_with_an_error_too(monkeypatch):
    screen = watched(monkeypatch)
    terminal = Terminal()
    with pytest.raises(KeyboardInterrupt), terminal:
        raise KeyboardInterrupt
    terminal.update("running m", 1, 2)
    assert "running" not in screen.getvalue()


def test_silent_in_ci(monkeypatch):
    watched(monkeypatch)
    assert Terminal().shown
    monkeypatch.setenv("CI", "true")
    assert not Terminal().shown


def test_silent_without_a_terminal(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not Terminal().shown


def test_silent_when_told(monkeypatch):
    watched(monkeypatch)
    assert not Terminal(quiet=True).shown


def test_names_of_models_are_no_markup_and_no_commands(monkeypatch):
    screen = watched(monkeypatch)
    with Terminal() as terminal:
        terminal.update("running [red]m[/red]\x1b[2Jx", 1, 2)
    text = screen.getvalue()
    assert r"running [red]m[/red]\x1b[2Jx" in text
    assert "\x1b[2J" not in text


def test_each_thread_has_a_line_of_its_own(monkeypatch):
    watched(monkeypatch)
    terminal = Terminal()
    with terminal:
        terminal.update("running here", 1, 2)
        other = threading.Thread(target=terminal.update, args=("running there", 3, 4))
        other.start()
        other.join()
        assert [task.description for task in terminal._progress.tasks] == [
            "running here", "running there"
        ]  # fmt: skip
        terminal.update("", 0, 0)
        terminal.update("", 0, 0)
        assert [task.description for task in terminal._progress.tasks] == ["running there"]
