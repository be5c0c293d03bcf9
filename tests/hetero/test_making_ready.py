"""The bar for a network that takes long to be made ready: on a terminal, and only then."""

from __future__ import annotations

import pytest
import rich.console

from engine.progress import tell
from hetero.cli import progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich.console.Console, "is_terminal", True)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_sees_a_bar_when_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_SHORT", -1.0)
    with progress.making_ready():
        tell("compiling for Some processor", 3, 7)
    said = capsys.readouterr()
    assert "compiling for Some processor" in said.err
    assert "3/7" in said.err
    assert said.out == ""


@pytest.mark.usefixtures("terminal")
def test_nothing_shows_when_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.making_ready():
        tell("compiling for Some processor", 3, 7)
    assert "compiling" not in capsys.readouterr().err


def test_a_pipe_sees_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress, "_SHORT", -1.0)
    with progress.making_ready():
        tell("compiling for Some processor", 3, 7)
    assert capsys.readouterr().err == ""
