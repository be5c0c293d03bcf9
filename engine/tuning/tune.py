"""Tune: the layers of a network one after another, each for its share of a time; winners are kept in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.devices.opencl import OpenClDevice
from engine.graph import Graph
from engine.tuning.layer import Layer, layers
from engine.tuning.search import Found, Search
from engine.tuning.store import Key, Tuned, keep, user_file

LEAST_SHARE = 0.3  # of the mean share: what the smallest layer gets


@dataclass(frozen=True)
class Progress:
    """Where a search stands: layers done and in all, and the node that is next."""

    done: int
    all: int
    node: str


@dataclass(frozen=True)
class TunedLayer:
    """One layer's result; `found` is None where the device gives wrong numbers or fails, even by default."""

    layer: Layer
    found: Found | None


def tune(
    graph: Graph,
    device: OpenClDevice,
    seconds: float,
    file: Path | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> list[TunedLayer]:
    """Search for about so many seconds; the choices go into `file` (the user's own for the device if None) at once.

    From then on the device's target has them. Stopping it by an exception loses only the layer at work.
    """
    begin, work = time.monotonic(), layers(graph, device.target)
    path = file or user_file(device.name, device.driver)
    shares = _shares(work)
    results = []
    chosen = dict(device.target.tunings)
    for done, layer in enumerate(work):
        told(Progress(done, len(work), layer.nodes[0]))
        left = seconds - (time.monotonic() - begin)
        share = shares[done] / sum(shares[done:])
        found = Search(device, layer).run(time.monotonic() + left * share)
        results.append(TunedLayer(layer, found))
        if found is not None and found.tried:
            chosen.update(found.answers)
            keep(path, device.name, device.driver, _entries(found))
    told(Progress(len(work), len(work), ""))
    device.tuned(chosen)
    return results


def _shares(work: list[Layer]) -> list[float]:
    """What part of the time each layer deserves: by its operations, but none very little."""
    operations = [layer.op.flops(layer.call) * len(layer.nodes) for layer in work]
    mean = sum(operations) / max(len(work), 1)
    return [max(count, LEAST_SHARE * mean, 1) for count in operations]


def _entries(found: Found) -> Mapping[Key, Tuned]:
    return {key: Tuned(choice, found.seconds, found.default_seconds) for key, choice in found.answers.items()}
