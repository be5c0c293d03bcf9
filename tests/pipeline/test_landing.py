"""Who receives frames: whoever waits for them, in turns, and a thread of its own only where futures were promised."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from fake_pipeline import PATIENCE, FakeStage, Gate, jitter, outputs, pipeline

ATTENDANT = "hetero-results"


def test_only_futures_need_a_thread() -> None:
    others = set(threading.enumerate())

    def mine() -> set[str]:
        return {thread.name for thread in threading.enumerate() if thread not in others}

    with pipeline([FakeStage("cpu")]) as line:
        assert [result.outputs for result in line.map(range(9))] == list(range(9))
        assert mine() == {"hetero-cpu"}
        assert outputs(line.submit(9)) == 9
        assert mine() == {"hetero-cpu", ATTENDANT}
        assert [result.outputs for result in line.map(range(9))] == list(range(9))


def test_futures_are_resolved_while_another_thread_iterates() -> None:
    gates = {value: Gate() for value in range(4)}
    with pipeline([FakeStage("cpu", lambda value: gates[value](value))], depth=3) as line:
        got: list[int] = []
        iterating = threading.Thread(target=lambda: got.extend(r.outputs for r in line.map(range(2))), daemon=True)
        iterating.start()
        gates[0].arrival(0)  # and whoever iterates sleeps
        submitted: list[int] = []
        submitting = threading.Thread(
            target=lambda: submitted.extend(outputs(line.submit(value)) for value in (2, 3)), daemon=True
        )
        submitting.start()
        for gate in gates.values():
            gate.open()
        for thread in (iterating, submitting):
            thread.join(PATIENCE)
        assert (got, submitted) == ([0, 1], [2, 3])


@pytest.mark.parametrize("seed", range(4))
def test_iterators_take_turns(seed: int) -> None:
    with pipeline([FakeStage("cpu", jitter(seed)), FakeStage("gpu", jitter(seed + 1))], depth=3) as line:
        got: dict[int, list[int]] = {}

        def iterate(base: int) -> None:
            got[base] = [result.outputs for result in line.map(range(base, base + 200))]

        threads = [threading.Thread(target=iterate, args=(base,), daemon=True) for base in range(0, 800, 200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert got == {base: list(range(base, base + 200)) for base in range(0, 800, 200)}


def test_who_sleeps_for_a_frame_that_is_no_more_is_woken() -> None:
    """One iterates and sleeps; another takes its frame's place, and fails to load: nothing is in flight any longer."""
    first, second, broken = Gate(), Gate(), Gate()

    def load(slot: object, frame: int, variant: int) -> None:
        if frame == 2:
            broken(frame)
            raise OSError("no picture")
        slot.value = frame  # type: ignore[attr-defined]

    stage = FakeStage("cpu", lambda value: (first if value == 0 else second)(value))
    with pipeline([stage], depth=2, on_full="drop-oldest", load=load) as line:

        def take(frames: range, got: list[int]) -> None:
            got.extend(result.outputs for result in line.map(frames))

        early: list[int] = []
        sleeper = threading.Thread(target=take, args=(range(2), early), daemon=True)
        sleeper.start()
        first.arrival(0)
        late: list[BaseException] = []

        def fail() -> None:
            try:
                list(line.map(range(2, 3)))
            except OSError as error:
                late.append(error)

        failing = threading.Thread(target=fail, daemon=True)
        failing.start()
        broken.arrival(2)  # in the place of frame 1, which waited
        first.open()
        second.open()
        broken.open()
        for thread in (sleeper, failing):
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert early == [0]
        assert len(late) == 1


def test_closing_receives_what_an_iterator_left() -> None:
    gate = Gate()
    line = pipeline([FakeStage("cpu", gate)], depth=2)
    gate.allow(0)
    results = line.map(range(100))
    assert next(results).outputs == 0
    gate.open()
    line.close()
    assert not line._flying
    results.close()


def test_a_signal_reaches_who_waits() -> None:
    """Its handler runs at once, and not when the frame has landed, which here would be never."""
    gate = Gate()
    before = signal.signal(signal.SIGALRM, lambda *_: gate.open())
    try:
        with pipeline([FakeStage("cpu", gate)], depth=2) as line:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert [result.outputs for result in line.map(range(3))] == [0, 1, 2]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_signals_all_the_time_lose_no_frame() -> None:
    heard = 0

    def count(*_: object) -> None:
        nonlocal heard
        heard += 1

    before = signal.signal(signal.SIGALRM, count)
    try:
        with pipeline([FakeStage("cpu", jitter(1)), FakeStage("gpu", jitter(2))], depth=3) as line:
            signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
            assert [result.outputs for result in line.map(range(2000))] == list(range(2000))
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert len(line._free) == 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard > 10


def test_a_consumer_that_takes_its_time_does_not_count() -> None:
    """A frame is finished when its last stage has ended, and so much later as unloading takes."""
    now = 0.0

    def compute(value: int) -> int:
        nonlocal now
        now += 2.0
        return value

    def unload(slot: object) -> int:
        nonlocal now
        now += 0.5
        return slot.value  # type: ignore[attr-defined, no-any-return]

    def frames() -> Iterator[int]:
        nonlocal now
        for index in range(3):
            yield index
            while not line._landing._channel.waiting:
                time.sleep(1e-4)
            now += 100.0  # seconds that the next one is late

    with pipeline([FakeStage("cpu", compute)], depth=2, clock=lambda: now, unload=unload) as line:
        latencies = [result.latency for result in line.map(frames())]
        statistics = line.statistics()
    assert latencies == [2.5, 3.0, 3.0]  # all but the first were let in when the one before had been unloaded
    assert statistics.latency_p99 == 3.0
