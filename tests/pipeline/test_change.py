"""Changing a running pipeline's stages: between two frames, none lost, none in the wrong order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fake_pipeline import PATIENCE, FakeStage, Gate, jitter, outputs, pipeline
from fake_pipeline import line as fake_line

from hetero.pipeline.pipeline import Pipeline, PipelineClosed
from hetero.pipeline.post import Post
from hetero.pipeline.result import Dropped


def change(line: Pipeline, *variants: list[FakeStage], depth: int = 2, **options: Any) -> threading.Thread:
    """A change under way in a thread of its own."""
    other = fake_line(*variants, depth=depth, **options)
    thread = threading.Thread(target=lambda: line.change(other), daemon=True)
    thread.start()
    return thread


def times(factor: int) -> list[FakeStage]:
    return [FakeStage("cpu", lambda value: value * factor)]


def test_frames_that_are_in_keep_their_stages_and_others_wait() -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=2) as line:
        first = line.submit(1)
        gate.arrival(1)
        changing = change(line, times(10), depth=3)
        waiting: list[Any] = []
        late = threading.Thread(target=lambda: waiting.append(line.submit(2)), daemon=True)
        while not line._draining:
            pass
        late.start()
        late.join(0.05)
        assert late.is_alive()  # though a slot is free
        assert changing.is_alive()
        gate.open()
        changing.join(PATIENCE)
        late.join(PATIENCE)
        assert outputs(first) == 1
        assert outputs(waiting[0]) == 20
        assert [result.outputs for result in line.map(range(5))] == [0, 10, 20, 30, 40]
        assert line.statistics().changes == 1


@pytest.mark.parametrize("policy", ["drop-newest", "drop-oldest"])
def test_a_stream_that_changes_is_full_for_those_who_drop(policy: Any) -> None:
    gate = Gate()
    with pipeline([FakeStage("cpu", gate)], depth=2, on_full=policy) as line:
        first = line.submit(1)
        gate.arrival(1)
        changing = change(line, times(10))
        while not line._draining:
            pass
        with pytest.raises(Dropped):
            line.submit(2).result(PATIENCE)
        gate.open()
        changing.join(PATIENCE)
        assert outputs(first) == 1
        assert outputs(line.submit(3)) == 30


def test_numbers_go_on_and_new_devices_get_workers() -> None:
    moved = {"old": 3, "new": 100}
    with pipeline(times(1), bytes_moved=lambda: moved["old"], rescued=lambda: 2, posts={"npu": Post(2)}) as line:
        assert outputs(line.submit(1)) == 1
        moved["old"] = 10
        meeting = threading.Barrier(2, timeout=PATIENCE)

        def met(value: int) -> int:
            meeting.wait()
            return value

        stages = [FakeStage("npu", met), FakeStage("cpu")]
        change(line, stages, bytes_moved=lambda: moved["new"], rescued=lambda: 5).join(PATIENCE)
        moved["new"] = 107
        results = [line.submit(2), line.submit(3)]
        assert [outputs(each) for each in results] == [2, 3]
        assert [each.result().index for each in results] == [1, 2]
        found = line.statistics()
        assert found.frames == 3
        assert found.bytes_moved == pytest.approx((7 + 7) / 3)
        assert found.rescued == 0
        assert set(found.busy) == {"cpu", "npu"}
        assert all(0 <= share <= 1 for share in found.busy.values())


def test_closing_ends_a_change() -> None:
    gate = Gate()
    raised: list[BaseException] = []

    def changing() -> None:
        try:
            line.change(fake_line(times(10)))
        except PipelineClosed as error:
            raised.append(error)

    line = pipeline([FakeStage("cpu", gate)])
    first = line.submit(1)
    gate.arrival(1)
    thread = threading.Thread(target=changing, daemon=True)
    thread.start()
    while not line._draining:
        pass
    closing = threading.Thread(target=line.close, daemon=True)
    closing.start()
    thread.join(PATIENCE)
    gate.open()
    closing.join(PATIENCE)
    assert len(raised) == 1
    assert outputs(first) == 1


def test_many_changes_under_way() -> None:
    """Frames pass through whatever stages there are, by one plan each, in order, while plans change all the time."""
    plans = {
        name: [FakeStage(device, jitter(seed)) for seed, device in enumerate(devices)]
        + [FakeStage(devices[-1], lambda value, name=name: (value, name))]
        for name, devices in {"a": ("cpu", "gpu"), "b": ("gpu",), "c": ("gpu", "cpu", "gpu")}.items()
    }
    done = threading.Event()
    with pipeline(plans["a"], depth=3) as line:

        def restless() -> None:
            depth = 1
            while not done.is_set():
                for stages in plans.values():
                    depth = depth % 4 + 1
                    line.change(fake_line(stages, depth=depth))

        def frames() -> Iterator[int]:
            yield from range(600)
            done.set()

        thread = threading.Thread(target=restless, daemon=True)
        thread.start()
        results = list(line.map(frames()))
        thread.join(PATIENCE)
        assert line.statistics().changes > 3
    assert [result.outputs[0] for result in results] == list(range(600))
    assert {result.outputs[1] for result in results} == set("abc")
