"""map: in order, lazily, bounded, and nothing left in flight however it ends."""

from __future__ import annotations

import dis
import itertools
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from fake_pipeline import FakeStage, Gate, jitter, outputs, pipeline

from hetero.pipeline.order import WINDOW
from hetero.pipeline.pipeline import PipelineClosed


def digest(stage: str) -> Any:
    """A function that marks the value with the stage, so that order and place show."""
    return lambda value: hash((stage, value))


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize("seed", range(3))
def test_results_equal_frame_by_frame_at_every_depth(depth: int, seed: int) -> None:
    random_ = random.Random(seed)
    variants, expected = [], []
    for variant in range(2):
        names = [f"{variant}{n}" for n in range(random_.randint(1, 4))]
        stages = []
        for name in names:
            rattle, mark = jitter(random_.randrange(1000)), digest(name)
            stages.append(FakeStage(random_.choice(["cpu", "gpu"]), lambda value, r=rattle, m=mark: m(r(value))))
        variants.append(stages)
        expected.append(names)

    def alone(frame: int) -> int:
        value = frame
        for name in expected[(0, 1, 1)[frame % 3]]:
            value = hash((name, value))
        return value

    with pipeline(*variants, depth=depth, schedule=[0, 1, 1]) as line:
        results = list(line.map(range(400)))
    assert [result.index for result in results] == list(range(400))
    assert [result.outputs for result in results] == [alone(frame) for frame in range(400)]


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_frames_are_pulled_lazily_and_flights_bounded(depth: int) -> None:
    flying = most = pulled = 0

    def load(slot: Any, frame: int, variant: int) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        slot.value = frame

    def unload(slot: Any) -> Any:
        nonlocal flying
        flying -= 1
        return slot.value

    def endless() -> Iterator[int]:
        nonlocal pulled
        while True:
            yield pulled
            pulled += 1

    with pipeline(
        [FakeStage("cpu", jitter(1)), FakeStage("gpu", jitter(2))], depth=depth, load=load, unload=unload
    ) as line:
        results = line.map(endless())
        assert pulled == 0
        for taken in range(200):
            assert next(results).outputs == taken
            assert pulled - taken <= WINDOW * depth
        results.close()
    assert most == depth


def test_a_slow_frame_does_not_stop_the_other_device() -> None:
    gate, frames = Gate(), 2 * WINDOW

    def last_opens(value: int) -> int:
        if value == frames - 1:
            gate.open()
        return value

    # all others pass on the GPU, one slot between them, while frame 0 stands at the gate
    variants = [FakeStage("cpu", gate)], [FakeStage("gpu", last_opens)]
    with pipeline(*variants, depth=2, schedule=[0] + [1] * (frames - 1)) as line:
        assert [result.outputs for result in line.map(range(frames))] == list(range(frames))


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("depth", [1, 2, 3, 8])
def test_a_failure_is_raised_in_its_place(position: int, depth: int) -> None:
    """Position 0 is load, 1 to 4 are the stages, 5 is unload."""

    def trip(value: int) -> int:
        if value == 7:
            raise ArithmeticError("frame 7 is bad")
        return value

    def at(place: int) -> Any:
        return trip if place == position else jitter(place)

    def load(slot: Any, frame: int, variant: int) -> None:
        slot.value = at(0)(frame)

    stages = [FakeStage(device, at(n)) for n, device in enumerate(["cpu", "gpu", "gpu", "cpu"], 1)]
    with pipeline(stages, depth=depth, load=load, unload=lambda slot: at(5)(slot.value)) as line:
        results = line.map(range(20))
        got = []
        with pytest.raises(ArithmeticError, match="frame 7 is bad") as caught:
            got.extend(result.outputs for result in results)
        assert got == list(range(7))
        assert caught.traceback[-1].name == "trip"
        assert [result.outputs for result in line.map(range(8, 30))] == list(range(8, 30))
        assert line.statistics().failed == 1


def test_what_the_iterable_raises_comes_after_the_results_before_it() -> None:
    def broken() -> Iterator[int]:
        yield from range(5)
        raise OSError("camera gone")

    with pipeline([FakeStage("cpu"), FakeStage("gpu")], depth=3) as line:
        got = []
        with pytest.raises(OSError, match="camera gone") as caught:
            got.extend(result.outputs for result in line.map(broken()))
        assert got == list(range(5))
        assert caught.traceback[-1].name == "broken"
        assert outputs(line.submit(9)) == 9


def test_abandoning_waits_for_what_flies() -> None:
    with pipeline([FakeStage("cpu", jitter(3)), FakeStage("gpu", jitter(4))], depth=8) as line:
        for result in line.map(range(1000)):
            if result.index == 3:
                break
        results = line.map(range(1000))
        next(results)
        results.close()
        assert len(line._free) == 8
        line.map(range(10))  # never begun
        assert [result.outputs for result in line.map(range(3))] == [0, 1, 2]


def test_a_consumer_that_raises() -> None:
    def consume() -> None:
        with pipeline([FakeStage("cpu")], depth=3) as line:
            for result in line.map(range(100)):
                raise LookupError(result.index)

    with pytest.raises(LookupError, match="0"):
        consume()


def test_a_stream_without_end_closed_under_the_iterator() -> None:
    with pipeline([FakeStage("cpu")], depth=2) as line:
        results = line.map(iter(int, 1))
        next(results)
    with pytest.raises(PipelineClosed):
        list(results)


@pytest.mark.parametrize(("policy", "kept"), [("drop-newest", [0, 1]), ("drop-oldest", [0, 49])])
def test_dropped_frames_are_skipped(policy: str, kept: list[int]) -> None:
    gate = Gate()

    def frames() -> Iterator[int]:
        yield 0
        gate.arrival(0)
        yield from range(1, 50)
        gate.open()

    with pipeline([FakeStage("cpu", gate)], depth=2, on_full=policy) as line:
        assert [result.index for result in line.map(frames())] == kept
        assert line.statistics().dropped == 48


def test_an_interrupt_while_waiting_for_results() -> None:
    """Ctrl-C while the caller waits: it comes through, and the pipeline still closes."""

    def press(value: int) -> int:
        if value == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return value

    got = []

    def consume() -> None:
        with pipeline([FakeStage("cpu", press), FakeStage("gpu")], depth=2) as line:
            got.extend(result.outputs for result in line.map(iter(range(1 << 60))))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs tests in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            consume()
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == list(range(len(got)))


@pytest.mark.parametrize("first", range(1, 25))
def test_an_interrupt_at_any_moment(first: int) -> None:
    """Ctrl-C wherever Python looks for it in the pipeline's code: nothing hangs, no frame takes another's slot."""
    reached = True
    for place in itertools.count(first, 24):
        with pipeline([FakeStage("cpu"), FakeStage("gpu")], depth=3) as line:
            got: list[int] = []
            sys.settrace(interrupted_at(place))
            try:
                got.extend(result.outputs for result in line.map(range(4)))
                reached = False
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
            assert got == list(range(len(got)))
            assert [result.outputs for result in line.map(range(10, 20))] == list(range(10, 20))
            assert not line._flying
            assert len(line._free) >= 2  # it may be lost that one was taken, but it is no other frame's
        if not reached:
            break


def interrupted_at(place: int) -> Any:
    """A tracing function that interrupts the pipeline's code the n-th time that Python would look for signals there.

    That is when a function begins, when a call has returned, and when a loop begins anew.
    """
    left = place
    before: dict[FrameType, str] = {}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        file = Path(frame.f_code.co_filename)
        if file.parent.name != "pipeline" or file.name == "bell.py":  # whose finalizers let nothing out
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            left -= before.get(frame, "").startswith(("CALL", "RESUME", "JUMP_BACKWARD"))
            if left == 0:
                sys.settrace(None)
                left -= 1
                raise KeyboardInterrupt
            before[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        return trace

    return trace


def test_an_interrupt_while_loading() -> None:
    def load(slot: Any, frame: int, variant: int) -> None:
        if frame == 3:
            raise KeyboardInterrupt
        slot.value = frame

    with pipeline([FakeStage("cpu"), FakeStage("gpu")], depth=2, load=load) as line:
        with pytest.raises(KeyboardInterrupt):
            list(line.map(range(10)))
        assert [result.outputs for result in line.map(range(4, 9))] == [4, 5, 6, 7, 8]
