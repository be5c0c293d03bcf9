"""Tuning: a network's layers tuned for one device, and what that brings for the whole of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from engine.devices.device import Recording
from engine.devices.numba_cpu import NumbaDevice
from engine.devices.opencl import OpenClDevice
from engine.formats.onnx import load, resolve
from engine.graph import Graph
from engine.passes import prepare
from engine.tuning.store import user_file
from engine.tuning.tune import Progress, TunedLayer, tune
from hetero.in_place import tune_in_place
from hetero.machine import choose
from hetero.profile import recorded, run
from kernels.cpu.target import host

ROUNDS = 15  # of the whole network with and without what was found, by turns


@dataclass(frozen=True)
class Outcome:
    """What was found for each layer, where it is kept, and the seconds of all that the device can run of a frame."""

    device: OpenClDevice | NumbaDevice
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
    threads: int | None = None,
) -> Outcome:
    """Search for about so many seconds. `model` is what a Session takes; sizes it leaves open count as 1.

    What the CPU is tuned for is as many threads on a frame as given, all it may use if None. Raises ValueError where no
    such device is there.
    """
    if device != "cpu" and not device.startswith("gpu"):
        raise ValueError(f"device {device!r} cannot be tuned: expected cpu, gpu, or gpu:N")
    found = choose(device, threads)[device.partition(":")[0]]
    loaded = load(model)
    graph = prepare(loaded, resolve(loaded, {}), host().lanes)
    if isinstance(found, OpenClDevice):
        layers = tune(graph, found, seconds, file, told)
    else:
        assert isinstance(found, NumbaDevice)
        layers = tune_in_place(graph, found, seconds, file, told)
    default, tuned = _whole(graph, found)
    return Outcome(found, file or user_file(found.name, found.driver), tuple(layers), default, tuned)


def _whole(graph: Graph, device: OpenClDevice | NumbaDevice) -> tuple[float, float]:
    """Median seconds of a frame by the defaults and as tuned, run by turns."""
    tuned = device.target.tunings
    recordings: list[Recording] = []
    for tunings in ({}, tuned):
        device.tuned(tunings)
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
