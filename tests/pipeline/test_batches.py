"""Batches: frames gathered while the devices are busy, single frames to whoever looks from outside."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from fake_pipeline import PATIENCE, FakeStage, Gate, outputs, pipeline

from hetero.pipeline.batches import Batches
from hetero.pipeline.pipeline import PipelineClosed
from hetero.pipeline.result import Dropped


def batches(*stages: FakeStage, size: int = 3, depth: int = 2, **options: Any) -> Batches:
    """Batches over a pipeline of fake stages, whose values are lists of frames."""
    return Batches(pipeline(list(stages), depth=depth), size, depth, copied=lambda frame: frame, **options)


class Book:
    """A stage's function that writes down the batches it sees, and stops at a gate of theirs if it has one."""

    def __init__(self, gate: Gate | None = None) -> None:
        self.seen: list[list[int]] = []
        self._gate = gate

    def __call__(self, value: Sequence[int]) -> list[int]:
        self.seen.append(list(value))
        if self._gate is not None:
            self._gate(value[0])
        return [10 * each for each in value]


def test_frames_gather_while_the_device_is_busy() -> None:
    gate = Gate()
    book = Book(gate)
    line = batches(FakeStage("gpu", book), depth=1)
    futures = [line.submit(0)]  # nothing is in flight: it goes alone
    gate.arrival(0)
    futures += [line.submit(frame) for frame in (1, 2, 3)]
    gate.allow(0)
    gate.arrival(1)
    futures += [line.submit(frame) for frame in (4, 5)]
    gate.open()
    assert [outputs(future) for future in futures] == [0, 10, 20, 30, 40, 50]
    assert [future.result().index for future in futures] == list(range(6))
    line.close()
    assert book.seen == [[0], [1, 2, 3], [4, 5]]
    statistics = line.statistics()
    assert (statistics.frames, statistics.dropped, statistics.failed) == (6, 0, 0)
    assert statistics.fps == pytest.approx(6 / statistics.seconds)


def test_a_full_batch_does_not_wait_for_those_before_it() -> None:
    gate, book = Gate(), Book()
    line = batches(FakeStage("cpu", book), FakeStage("gpu", lambda value: (gate(value[0]), value)[1]))
    futures = [line.submit(0)]
    gate.arrival(0)
    futures += [line.submit(frame) for frame in (1, 2, 3)]
    while len(book.seen) < 2:  # the CPU has the second batch while the GPU holds the first
        time.sleep(1e-3)
    assert book.seen == [[0], [1, 2, 3]]
    gate.open()
    assert [outputs(future) for future in futures] == [0, 10, 20, 30]
    line.close()


@pytest.mark.parametrize(("policy", "gone"), [("drop-newest", 4), ("drop-oldest", 1)])
def test_a_full_stream_drops_single_frames(policy: str, gone: int) -> None:
    gate = Gate()
    line = batches(FakeStage("gpu", Book(gate)), depth=1, on_full=policy)
    futures = [line.submit(0)]
    gate.arrival(0)
    futures += [line.submit(frame) for frame in (1, 2, 3, 4)]
    with pytest.raises(Dropped):
        outputs(futures[gone])
    gate.open()
    assert [outputs(f) for i, f in enumerate(futures) if i != gone] == [10 * i for i in range(5) if i != gone]
    line.close()
    assert line.statistics().dropped == 1


def test_waiting_ends_when_a_batch_has_gone() -> None:
    gate = Gate()
    line = batches(FakeStage("gpu", Book(gate)), size=1, depth=1)
    line.submit(0)
    gate.arrival(0)
    line.submit(1)  # the next batch is full now
    entered: list[Future[Any]] = []
    submitter = threading.Thread(target=lambda: entered.append(line.submit(2)))
    submitter.start()
    submitter.join(0.05)
    assert not entered
    gate.open()
    submitter.join(PATIENCE)
    assert outputs(entered[0]) == 20
    line.close()


def test_a_batch_that_fails_fails_its_frames_alone() -> None:
    def fail(value: list[int]) -> list[int]:
        if value[0] == 0:
            raise ArithmeticError("no")
        return value

    gate = Gate()
    line = batches(FakeStage("cpu", lambda value: (gate(value[0]), value)[1]), FakeStage("gpu", fail), size=2, depth=1)
    futures = [line.submit(0)]
    gate.arrival(0)
    futures += [line.submit(1), line.submit(2)]
    gate.open()
    with pytest.raises(ArithmeticError):
        outputs(futures[0])
    assert [outputs(future) for future in futures[1:]] == [1, 2]
    line.close()
    assert (line.statistics().frames, line.statistics().failed) == (2, 1)


def test_closing_ends_what_is_gathered() -> None:
    gate = Gate()
    line = batches(FakeStage("gpu", Book(gate)), depth=1)
    futures = [line.submit(0)]
    gate.arrival(0)
    futures += [line.submit(1), line.submit(2)]
    closer = threading.Thread(target=line.close)
    closer.start()
    gate.open()
    closer.join(PATIENCE)
    assert [outputs(future) for future in futures] == [0, 10, 20]
    with pytest.raises(PipelineClosed):
        line.submit(3)
    line.close()


def test_a_callback_may_close() -> None:
    line = batches(FakeStage("gpu", Book()))
    line.submit(0).add_done_callback(lambda _: line.close())
    line._sender.join(PATIENCE)
    assert not line._sender.is_alive()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("size", "depth"), [(1, 1), (2, 3), (5, 2), (8, 4)])
def test_results_come_in_order_whatever_the_delays(seed: int, size: int, depth: int) -> None:
    random_ = random.Random(seed)

    def slow(value: list[int]) -> list[int]:
        time.sleep(random_.choice([0, 0, 1e-4, 1e-3]))
        return value

    def source() -> Any:
        for frame in range(100):
            if random_.random() < 0.2:
                time.sleep(random_.choice([1e-4, 1e-3]))
            yield frame

    line = batches(FakeStage("cpu", slow), FakeStage("gpu", slow), size=size, depth=depth)
    assert [result.outputs for result in line.map(source())] == list(range(100))
    line.close()
    assert line.statistics().frames == 100
