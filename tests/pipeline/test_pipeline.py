"""The pipeline: slots, policies, failures, the oldest first, closing; threads held by gates."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from fake_pipeline import PATIENCE, FakeStage, Gate, Slot, outputs, pipeline

from engine.devices.command import Called, Command
from engine.devices.native import native
from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import PipelineClosed
from hetero.pipeline.post import Post
from hetero.pipeline.result import Dropped
from kernels.cpu.record import integers


def test_both_devices_work_at_once() -> None:
    meeting = threading.Barrier(2, timeout=PATIENCE)

    def front(value: int) -> int:
        if value > 0:
            meeting.wait()
        return value

    def back(value: int) -> int:
        if value < 9:
            meeting.wait()  # frame n on the GPU meets frame n + 1 on the CPU
        return value

    with pipeline([FakeStage("cpu", front), FakeStage("gpu", back)], depth=2) as line:
        assert [result.outputs for result in line.map(range(10))] == list(range(10))


def test_a_device_of_two_streams_runs_two_frames_at_once() -> None:
    meeting = threading.Barrier(2, timeout=PATIENCE)

    def met(value: int) -> int:
        meeting.wait()
        return value

    stages = [FakeStage("gpu"), FakeStage("cpu", met)]
    with pipeline(stages, depth=3, posts={"cpu": Post(2), "npu": Post(5)}) as line:
        assert [result.outputs for result in line.map(range(10))] == list(range(10))
        assert set(line.statistics().busy) == {"gpu", "cpu"}


def test_a_worker_begins_frames_ahead_of_the_one_it_ends() -> None:
    gate, begun = Gate(), Gate()
    with pipeline([FakeStage("gpu", gate, begun)], depth=5, posts={"gpu": Post(ahead=2)}) as line:
        futures = [line.submit(n) for n in range(5)]
        begun.open()
        gate.arrival(0)
        assert begun.arrived == [0, 1, 2]
        gate.allow(0)
        gate.arrival(1)
        assert begun.arrived == [0, 1, 2, 3]
        gate.open()
        assert [outputs(future) for future in futures] == list(range(5))
    assert begun.arrived == gate.arrived == list(range(5))
    ends = [each.end for each in line.executions()]
    starts = [each.start for each in line.executions()]
    assert all(end <= start for end, start in itertools.pairwise(itertools.chain(*zip(starts, ends, strict=True))))


def test_what_a_stage_takes_is_its_own_start_and_finish_whatever_was_begun_between() -> None:
    now = 0.0
    loaded = Gate()

    def passes(seconds: float) -> Callable[[int], int]:
        def work(value: int) -> int:
            nonlocal now
            loaded(value)
            now += seconds * (value + 1)
            return value

        return work

    with pipeline(
        [FakeStage("gpu", passes(1.0), passes(2.0))], depth=5, clock=lambda: now, posts={"gpu": Post(ahead=2)}
    ) as line:
        futures = [line.submit(n) for n in range(5)]
        loaded.open()
        assert [outputs(future) for future in futures] == list(range(5))
    stages = [each for each in line.executions() if each.stage == 0]
    assert [each.seconds for each in stages] == [3.0, 6.0, 9.0, 12.0, 15.0]
    assert [each.end - each.start for each in stages] == [13.0, 10.0, 13.0, 4.0, 5.0]


def test_a_frame_that_cannot_begin_fails_alone() -> None:
    def refused(value: int) -> int:
        if value % 3 == 1:
            raise ZeroDivisionError(value)
        return value

    with pipeline([FakeStage("gpu", begun=refused), FakeStage("cpu")], depth=4, posts={"gpu": Post(ahead=2)}) as line:
        futures = [line.submit(n) for n in range(9)]
        for n, future in enumerate(futures):
            if n % 3 == 1:
                with pytest.raises(ZeroDivisionError):
                    outputs(future)
            else:
                assert outputs(future) == n
        assert line.statistics().failed == 3


class Failing(FakeStage):
    """A stage whose start and finish are commands, of which one fails, by its place, for every third frame."""

    def __init__(self, device: str, place: int) -> None:
        super().__init__(device)
        self._place = place

    def commands(self, slot: Slot) -> tuple[Sequence[Command], Sequence[Command]]:
        """Two before the stage is started and two after it is finished, all of which fail where their word says so."""
        word = np.zeros(1, np.int64)

        def told() -> None:
            word[0] = slot.value % 3 == 1

        made = [Command(_fails, (word.ctypes.data, place == self._place), RefusedError, word) for place in range(4)]
        (start,), (finish,) = super().commands(slot)
        return (Called(told), *made[:2], start), (finish, *made[2:])


class RefusedError(RuntimeError):
    """What machine code said."""


@native("int64(int64)")
def _fails(words):  # type: ignore[no-untyped-def]
    given = integers(words)
    return -7 * given[1] * integers(given[0])[0]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("ahead", [0, 2])
def test_machine_code_that_fails_fails_its_frame(place: int, ahead: int) -> None:
    stages = [FakeStage("cpu"), Failing("gpu", place), FakeStage("cpu")]
    with pipeline(*[stages], depth=5, posts={"gpu": Post(ahead=ahead)}, load=fresh) as line:
        futures = [line.submit(n) for n in range(9)]
        for n, future in enumerate(futures):
            if n % 3 == 1:
                with pytest.raises(RefusedError, match=r"^-7$"):
                    outputs(future)
            else:
                assert outputs(future) == n
        assert line.statistics().failed == 3


def fresh(slot: Slot, frame: int, variant: int) -> None:
    """Put a frame into a slot, whatever the one before left there."""
    slot.value, slot.busy = frame, threading.Lock()


def test_what_a_callback_raises_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def leave(future: Future[Any]) -> None:
        raise SystemExit

    with pipeline([FakeStage("cpu")], depth=1) as line:
        line.submit(0).add_done_callback(leave)
        assert [outputs(line.submit(n)) for n in range(1, 5)] == [1, 2, 3, 4]


def test_the_oldest_frame_is_served_first() -> None:
    cpu, gpu = Gate(), Gate()
    there_and_back = [FakeStage("cpu", cpu), FakeStage("gpu", gpu), FakeStage("cpu", cpu)]
    variants = there_and_back, [FakeStage("gpu", gpu)], [FakeStage("cpu", cpu)]
    with pipeline(*variants, depth=4, schedule=[0, 1, 2, 2]) as line:
        futures = [line.submit(0)]
        cpu.allow(0)
        gpu.arrival(0)
        futures += [line.submit(n) for n in (1, 2, 3)]
        cpu.arrival(2)  # 2 is on the CPU, 3 waits for it
        gpu.allow(0)
        gpu.arrival(1)  # so 0 has been handed back to the CPU
        cpu.open()
        gpu.open()
        assert [outputs(future) for future in futures] == [0, 1, 2, 3]
    assert cpu.arrived == [0, 2, 0, 3]


def test_the_schedule_deals_variants() -> None:
    variants = [[FakeStage("cpu", lambda v: ("cpu", v))], [FakeStage("gpu", lambda v: ("gpu", v))]]
    with pipeline(*variants, depth=3, schedule=[0, 1, 1]) as line:
        found = [result.outputs[0] for result in line.map(range(9))]
    assert found == ["cpu", "gpu", "gpu"] * 3


def test_wait_holds_the_submitter_until_a_slot_is_free() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=1) as line:
        first = line.submit(0)
        entered: list[Future[Any]] = []
        submitter = threading.Thread(target=lambda: entered.append(line.submit(1)))
        submitter.start()
        gate.arrival(0)
        assert not entered
        gate.open()
        assert outputs(first) == 0
        submitter.join(PATIENCE)
        assert outputs(entered[0]) == 1


def test_drop_newest() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=2, on_full="drop-newest") as line:
        futures = [line.submit(n) for n in range(4)]
        for future in futures[2:]:
            with pytest.raises(Dropped):
                outputs(future)
        gate.open()
        assert [outputs(future) for future in futures[:2]] == [0, 1]
        assert line.submit(4).result(PATIENCE).index == 4  # dropped frames count
        assert line.statistics().dropped == 2


def test_drop_oldest_takes_the_oldest_that_waits() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=3, on_full="drop-oldest") as line:
        futures = [line.submit(0)]
        gate.arrival(0)
        futures += [line.submit(n) for n in range(1, 5)]  # 3 goes for 1, 4 goes for 2
        for future in futures[1:3]:
            with pytest.raises(Dropped):
                outputs(future)
        gate.open()
        assert [outputs(futures[n]) for n in (0, 3, 4)] == [0, 3, 4]
        assert gate.arrived == [0, 3, 4]
        assert line.statistics().dropped == 2


def test_drop_oldest_drops_the_newest_where_all_have_begun() -> None:
    gates = {"cpu": Gate(), "gpu": Gate()}
    variants = [[FakeStage(device, gate)] for device, gate in gates.items()]
    with pipeline(*variants, depth=2, schedule=[0, 1], on_full="drop-oldest") as line:
        futures = [line.submit(n) for n in range(2)]
        gates["cpu"].arrival(0)
        gates["gpu"].arrival(1)
        with pytest.raises(Dropped):
            outputs(line.submit(2))
        for gate in gates.values():
            gate.open()
        assert [outputs(future) for future in futures] == [0, 1]


def test_a_successor_takes_the_variant_of_the_frame_it_drops() -> None:
    gate = Gate()
    variants = [[FakeStage("cpu", gate)], [FakeStage("gpu", lambda v: ("gpu", v))]]
    with pipeline(*variants, depth=3, schedule=[0, 0, 1], on_full="drop-oldest") as line:
        first = line.submit(0)
        gate.arrival(0)
        line.submit(1)
        assert outputs(line.submit(2)) == ("gpu", 2)
        assert line.submit(3)  # a free slot: the fourth let in, variant 0 again
        successor = line.submit(4)  # in the place of 1, on the CPU
        gate.open()
        assert outputs(first) == 0
        assert outputs(successor) == 4


def test_the_next_frame_finds_the_slot_of_a_result_it_saw() -> None:
    with pipeline([FakeStage("cpu")], depth=1, on_full="drop-newest") as line:
        assert [outputs(line.submit(n)) for n in range(300)] == list(range(300))


@pytest.mark.parametrize("on_full", ["wait", "drop-newest", "drop-oldest"])
def test_a_failure_leaves_the_others_alone(on_full: str) -> None:
    def trip(value: int) -> int:
        if value % 3 == 1:
            raise KeyError(value)
        return value

    gate = Gate()
    with pipeline([FakeStage("cpu", gate), FakeStage("gpu", trip)], depth=6, on_full=on_full) as line:
        futures = [line.submit(n) for n in range(6)]
        gate.open()
        for n, future in enumerate(futures):
            if n % 3 == 1:
                with pytest.raises(KeyError, match=str(n)) as caught:
                    outputs(future)
                assert caught.traceback[-1].name == "trip"
            else:
                assert outputs(future) == n
        assert len(line._free) == 6


def test_close_ends_what_flies_and_refuses_the_rest() -> None:
    gate = Gate()
    line = pipeline([FakeStage("cpu", gate), FakeStage("gpu")], depth=2)
    futures = [line.submit(n) for n in range(2)]
    refused: list[BaseException] = []

    def blocked() -> None:
        try:
            line.submit(2)
        except PipelineClosed as error:
            refused.append(error)

    submitter = threading.Thread(target=blocked)
    submitter.start()
    closers = [threading.Thread(target=line.close) for _ in range(2)]
    for closer in closers:
        closer.start()
    submitter.join(PATIENCE)
    assert len(refused) == 1
    gate.open()
    for closer in closers:
        closer.join(PATIENCE)
    assert [outputs(future) for future in futures] == [0, 1]
    line.close()
    with pytest.raises(PipelineClosed):
        line.submit(3)


def test_close_while_a_frame_is_loaded() -> None:
    gate = Gate()

    def load(slot: Any, frame: int, variant: int) -> None:
        slot.value = gate(frame)

    line = pipeline([FakeStage("cpu")], depth=2, load=load)
    entered: list[Future[Any]] = []
    submitter = threading.Thread(target=lambda: entered.append(line.submit(0)))
    submitter.start()
    gate.arrival(0)
    line.close()
    gate.open()
    submitter.join(PATIENCE)
    with pytest.raises(PipelineClosed, match="while the frame was loaded"):
        outputs(entered[0])


def test_close_from_a_callback() -> None:
    line = pipeline([FakeStage("cpu"), FakeStage("gpu")], depth=2)
    future = line.submit(0)
    closed = threading.Event()
    future.add_done_callback(lambda _: (line.close(), closed.set()))
    assert closed.wait(PATIENCE)
    line.close()


def test_close_with_dropped_flights_still_queued() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=2, on_full="drop-oldest") as line:
        line.submit(0)
        gate.arrival(0)
        futures = [line.submit(n) for n in range(1, 20)]
        gate.open()
    assert outputs(futures[-1]) == 19
    assert gate.arrived == [0, 19]


def test_futures_cannot_be_cancelled() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=1) as line:
        future = line.submit(0)
        assert not future.cancel()
        gate.open()
        assert outputs(future) == 0


def test_many_submitters() -> None:
    stages = [FakeStage("cpu", lambda v: v + 1), FakeStage("gpu", lambda v: v * 2)]
    with pipeline(stages, depth=3) as line:
        found: dict[int, int] = {}

        def work(base: int) -> None:
            for n in range(base, base + 100):
                found[n] = outputs(line.submit(n))

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 400, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert found == {n: (n + 1) * 2 for n in range(400)}
        assert line.statistics().frames == 400


def test_statistics_by_a_clock_that_ticks_when_read() -> None:
    # depth 1, so every reading has its place: submit, admit, then per stage two around its start and two
    # around its finish, unloading from there to one more
    ticks = itertools.count()
    moved = itertools.count(1000, 60)
    stages = [FakeStage("cpu"), FakeStage("gpu")]
    with pipeline(stages, depth=1, clock=lambda: float(next(ticks)), bytes_moved=lambda: next(moved)) as line:
        assert line.submit(0).result(PATIENCE).latency == 10
        statistics = line.statistics()
        assert [execution[:3] for execution in line.executions()] == [("cpu", 0, 0), ("gpu", 0, 1)]
    assert statistics.seconds == 10
    assert statistics.fps == pytest.approx(1 / 10)
    assert statistics.busy == pytest.approx({"cpu": 3 / 10, "gpu": 3 / 10})
    assert statistics.idle["cpu"] == pytest.approx({"no-frame": 6 / 10, "dependency": 1 / 10})
    assert statistics.idle["gpu"] == pytest.approx({"no-frame": 2 / 10, "dependency": 5 / 10})
    assert statistics.bytes_moved == 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": []}, "at least one variant"),
        ({"variants": [[]]}, "at least one stage"),
        ({"schedule": []}, "schedule"),
        ({"schedule": [1]}, r"schedule \[1\] must name variants 0 to 0"),
        ({"slots": []}, "at least one slot"),
    ],
)
def test_what_makes_no_line(changes: dict[str, Any], message: str) -> None:
    fine: dict[str, Any] = {
        "variants": [[FakeStage("cpu")]],
        "schedule": [0],
        "slots": [1],
        "load": lambda *_: None,
        "unload": lambda _: None,
    }
    with pytest.raises(ValueError, match=message):
        Line(**{**fine, **changes})


def test_a_policy_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="'explode', expected one of wait, drop-oldest, drop-newest"):
        pipeline([FakeStage("cpu")], on_full="explode")
