"""Ten thousand frames with random delays in every stage: none lost, none stuck, in order, bit for bit."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest
from fake_pipeline import FakeStage, jitter, pipeline

from hetero.pipeline.pipeline import OnFull
from hetero.pipeline.post import Post

FRAMES = 10_000
DEPTH = 7
ROUTES = ("cpu", "gpu"), ("gpu", "cpu", "gpu", "cpu"), ("cpu",), ("cpu", "gpu", "npu", "gpu")
SCHEDULE = (0, 1, 1, 2, 3)

Array = np.ndarray[Any, Any]


def step(route: int, stage: int, value: Array) -> Array:
    """Arithmetic that rounds, and says which way the frame went; another order or another stage gives other bits."""
    return np.sin(value * np.float32(1.7 + stage)) + np.float32(route)


def through(route: int, value: Array) -> Array:
    """A frame's way by itself."""
    for stage in range(len(ROUTES[route])):
        value = step(route, stage, value)
    return value


def stages(route: int) -> list[FakeStage]:
    def delayed(stage: int) -> Any:
        wait = jitter(10 * route + stage)
        return lambda value: wait(step(route, stage, wait(value)))

    return [FakeStage(device, delayed(stage)) for stage, device in enumerate(ROUTES[route])]


def frame(index: int) -> Array:
    return np.random.default_rng(index).standard_normal(4, np.float32)


@pytest.mark.parametrize("on_full", get_args(OnFull))
def test_ten_thousand_frames(on_full: str) -> None:
    draw = random.Random(0)

    def source() -> Iterator[Array]:
        for index in range(FRAMES):
            if on_full != "wait" and draw.random() < 0.5:  # a camera, neither always too fast nor always too slow
                time.sleep(2e-4)
            yield frame(index)

    variants, posts = map(stages, range(len(ROUTES))), {"cpu": Post(2), "gpu": Post(ahead=2)}
    with pipeline(*variants, depth=DEPTH, schedule=SCHEDULE, on_full=on_full, posts=posts) as line:
        indices = []
        for count, result in enumerate(line.map(source())):
            given = frame(result.index)
            ways = range(len(ROUTES)) if on_full != "wait" else [SCHEDULE[count % len(SCHEDULE)]]
            assert result.outputs.tobytes() in {through(route, given).tobytes() for route in ways}
            indices.append(result.index)
        statistics = line.statistics()
        assert len(line._free) == DEPTH
        assert not line._flying
    assert indices == sorted(set(indices))
    assert (statistics.frames, statistics.failed) == (len(indices), 0)
    assert statistics.frames + statistics.dropped == FRAMES
    if on_full == "wait":
        assert statistics.dropped == 0
    else:
        assert min(statistics.frames, statistics.dropped) > FRAMES // 100
