"""Tuning: a network's layers tuned for one OpenCL device, and what that brings for the whole of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from engine.devices.device import Recording
from engine.devices.opencl import OpenClDevice
from engine.formats.onnx import load, resolve
from engine.graph import Graph
from engine.passes import prepare
from engine.tuning.store import user_file
from engine.tuning.tune import Progress, TunedLayer, tune
from hetero.machine import choose
from hetero.profile import recorded, run
from kernels.cpu.target import host

ROUNDS = 15  # of the whole network with and without what was found, by turns


@dataclass(frozen=True)
class Outcome:
    """What was found for each layer, where it is kept, and the seconds of all that the device can run of a frame."""

    device: OpenClDevice
    file: Path
    layers: tuple[TunedLayer, ...]
    default_seconds: float
    tuned_seconds: float


def tune_network(
    model: Any,
    device: str = "gpu",
    seconds: float = 120.0,
    file: Path | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Search for about so many seconds. `model` is what a Session takes; sizes it leaves open count as 1.

    Raises ValueError where no such device is there.
    """
    if not device.startswith("gpu"):
        raise ValueError(f"device {device!r} cannot be tuned: expected gpu, or gpu:N")
    found = choose(device, None)["gpu"]
    assert isinstance(found, OpenClDevice)
    loaded = load(model)
    graph = prepare(loaded, resolve(loaded, {}), host().lanes)
    layers = tune(graph, found, seconds, file, told)
    default, tuned = _whole(graph, found)
    return Outcome(found, file or user_file(found.name, found.driver), tuple(layers), default, tuned)


def _whole(graph: Graph, device: OpenClDevice) -> tuple[float, float]:
    """Median seconds of a frame by the defaults and as tuned, run by turns."""
    tuned = device.target
    recordings: list[Recording] = []
    for target in (replace(tuned, tunings={}), tuned):
        device.target = target
        _, recording = recorded(graph, device)
        run(recording)
        recordings.append(recording)
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for recording, times in zip(recordings, taken, strict=True):
            begin = time.perf_counter()
            run(recording)
            times.append(time.perf_counter() - begin)
    return median(taken[0]), median(taken[1])
