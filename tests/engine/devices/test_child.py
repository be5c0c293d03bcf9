"""A child process that dies, hangs or talks nonsense is told from one that answers, and is started anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from engine.devices.child import Child, ChildFailedError

ECHO = """
import json, os, signal, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"begins": 7}), flush=True)
    exec(asked["do"])
    print(json.dumps({"result": [os.getpid(), asked["value"]]}), flush=True)
"""


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child([sys.executable, "-c", ECHO])
    yield made
    made.close()


def test_answers_come_from_one_process(child: Child) -> None:
    first, value = child.ask({"do": "pass", "value": 1.5}, 30)
    assert value == 1.5
    assert child.ask({"do": "pass", "value": "two"}, 30) == [first, "two"]


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGABRT)", "was ended by SIGABRT"),
        ("sys.exit(3)", "ended with status 3"),
        ("print('LLVM ERROR: Cannot select', file=sys.stderr); os._exit(1)", "status 1: LLVM ERROR: Cannot select"),
        ("time.sleep(60)", "did not end within 1 s"),
        ("print('not JSON', flush=True); time.sleep(60)", "no answer"),
        ("print(json.dumps({'error': 'BuildError: no'}), flush=True)", "BuildError: no"),
    ],
)
def test_what_may_go_wrong(child: Child, do: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.devices.child.PATIENCE", 0.5)
    child.ask({"do": "pass", "value": 0}, 30)
    with pytest.raises(ChildFailedError, match=reason) as failed:
        child.ask({"do": do, "value": 0}, 1)
    assert failed.value.begun == 7
    child.close()
    assert child.ask({"do": "pass", "value": 2}, 30)[1] == 2


def test_a_child_that_cannot_start() -> None:
    child = Child([sys.executable, "-c", "raise SystemExit(4)"])
    with pytest.raises(ChildFailedError, match="status 4") as failed:
        child.ask({}, 30)
    assert failed.value.begun is None
    child.close()
