"""Lane: waits for the driver where something is left to wait for, and only there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.devices import lane as module
from engine.devices.entry import WRITE
from engine.devices.lane import Lane


class FakeQueue:
    """Counts what it is asked for; `meanwhile` is done while somebody waits."""

    def __init__(self) -> None:
        self.finished = 0
        self.meanwhile: Callable[[], None] = lambda: None

    def finish(self) -> None:
        self.finished += 1
        self.meanwhile()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def lane(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> Lane:
    monkeypatch.setattr(module.entry, "copy", lambda *_: None)
    monkeypatch.setattr(module.entry, "replay", lambda *_: 0)
    return Lane(queue)  # type: ignore[arg-type]


def enqueue(lane: Lane) -> None:
    lane.copy(None, np.zeros(1), WRITE)  # type: ignore[arg-type]


def test_an_empty_lane_is_not_waited_for(lane: Lane, queue: FakeQueue) -> None:
    lane.finish()
    assert queue.finished == 0


@pytest.mark.parametrize("work", [enqueue, lambda lane: lane.replay(())], ids=["copy", "kernels"])
def test_what_is_enqueued_is_waited_for_once(lane: Lane, queue: FakeQueue, work: Callable[[Lane], Any]) -> None:
    for times in (1, 2):
        work(lane)
        lane.finish()
        lane.finish()
        assert queue.finished == times


def test_what_is_enqueued_meanwhile_is_waited_for(lane: Lane, queue: FakeQueue) -> None:
    enqueue(lane)
    queue.meanwhile = lambda: enqueue(lane)
    lane.finish()
    queue.meanwhile = lambda: None
    lane.finish()
    lane.finish()
    assert queue.finished == 2


def test_a_wait_that_fails_is_not_the_last(lane: Lane, queue: FakeQueue) -> None:
    def lost() -> None:
        raise RuntimeError("the device is lost")

    enqueue(lane)
    queue.meanwhile = lost
    for _ in range(2):
        with pytest.raises(RuntimeError, match="lost"):
            lane.finish()


def test_who_waited_before_leaves_nothing_out(lane: Lane, queue: FakeQueue) -> None:
    """One thread waits from an earlier number on, while another enqueues and waits."""

    def another() -> None:
        queue.meanwhile = lambda: None
        enqueue(lane)
        lane.finish()

    enqueue(lane)
    queue.meanwhile = another
    lane.finish()
    assert queue.finished == 2
    enqueue(lane)
    lane.finish()
    assert queue.finished == 3
