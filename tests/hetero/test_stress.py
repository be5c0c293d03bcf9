"""Every strategy's plan on real devices, with random sleeps around every stage: bit for bit frame by frame."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import pytest

from engine.devices.command import Called, Command
from engine.devices.discover import opencl_devices
from engine.devices.opencl import OpenClDevice
from engine.formats.onnx import load, resolve
from engine.passes import prepare
from hetero import strategies
from hetero.compiled import Compiled
from hetero.deployment import Deployment
from hetero.machine import choose
from hetero.pipeline.stage import Stage
from hetero.planner import Planner
from hetero.trial import pipeline
from kernels.cpu.target import host
from tests.hetero import branches
from tests.hetero.ways import alternate

pytestmark = pytest.mark.skipif(not opencl_devices(), reason="no OpenCL device")

FRAMES = 24
PLANS = (*strategies(), "alternate")


class Delayed(Stage):
    """A stage that sets out late and hands on late, now and then."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.device, self._stage, self._random = stage.device, stage, random.Random(seed)

    def commands(self, slot: Any) -> tuple[Sequence[Command], Sequence[Command]]:
        """Start the stage after a sleep, finish it between two."""
        starts, finishes = self._stage.commands(slot)
        sleep = Called(self._sleep)
        return (sleep, *starts), (sleep, *finishes, sleep)

    def start(self, slot: Any) -> None:
        """Start the stage."""
        self._stage.start(slot)

    def finish(self, slot: Any) -> None:
        """Finish the stage."""
        self._stage.finish(slot)

    def _sleep(self) -> None:
        if self._random.random() < 0.5:
            time.sleep(self._random.uniform(0, 2e-3))


@pytest.fixture(scope="module", params=[(1, 0), (2, 0), (2, 2)], ids=["one stream", "two streams", "and frames ahead"])
def compiled(request: pytest.FixtureRequest) -> dict[str, Compiled]:
    """Every plan, compiled once: one CPU thread, two that compute a frame each, a GPU that is given three at once."""
    model = load(branches.build())
    streams, ahead = request.param
    devices = choose("cpu+gpu", streams, streams)
    gpu: Any = devices["gpu"]
    devices["gpu"] = OpenClDevice(gpu.handle)
    devices["gpu"].ahead = ahead
    planner = Planner(prepare(model, resolve(model, {}), host().lanes), model.digest, devices)
    plans = {name: planner.plan(name) for name in strategies()} | {"alternate": alternate(planner.alone("gpu"), run=1)}
    return {name: planner.compiled(plan) for name, plan in plans.items()}


@pytest.mark.parametrize("checked", [False, True], ids=["commands", "checked"])
@pytest.mark.parametrize("staged", [False, True], ids=["mapped", "staged"])
@pytest.mark.parametrize("name", PLANS)
def test_bit_identical_at_every_depth(
    name: str, staged: bool, checked: bool, compiled: dict[str, Compiled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled[name].devices["gpu"], "unified_memory", not staged)
    feeds = [{"x": frame} for frame in branches.frames(FRAMES)]
    alone = Deployment(compiled[name], 1)
    want = [{key: value.tobytes() for key, value in alone.infer(feed, i).items()} for i, feed in enumerate(feeds)]
    assert len({each["y"] for each in want}) == FRAMES
    for depth in (1, 2, 5, 8):
        deployment = Deployment(compiled[name], depth, checked)
        deployment.variants = [  # type: ignore[assignment]
            [Delayed(stage, 100 * v + i) for i, stage in enumerate(stages)]
            for v, stages in enumerate(deployment.variants)
        ]
        with pipeline(deployment) as line:
            results = list(line.map(feeds))
        assert [result.index for result in results] == list(range(FRAMES))
        for result, outputs in zip(results, want, strict=True):
            assert {key: value.tobytes() for key, value in result.outputs.items()} == outputs
        assert (deployment.bytes_moved() > 0) is (staged and "gpu" in compiled[name].plan.used)
