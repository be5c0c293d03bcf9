"""Decisions: the plan that a request comes to for inputs of given shapes: found, kept on disk, and made again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hetero.compiled import Compiled
from hetero.costs import store
from hetero.frames import prepared
from hetero.machine import choose
from hetero.partition.strategies import strategy as named
from hetero.plan import Plan
from hetero.planner import TRIED, Planner, Streams, decide

if TYPE_CHECKING:
    from engine.formats.onnx import Model
    from engine.graph import Graph

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Request:
    """What is asked of a session, in a Session's words; a plan that is given settles what it says.

    Raises UnknownStrategy or ValueError for words that mean nothing.
    """

    device: str
    threads: int | None
    strategy: str
    plan: Plan | None
    streams: Streams
    batch: int

    def __post_init__(self) -> None:
        if self.strategy != "auto":
            named(self.strategy)
        if not isinstance(self.batch, int) or self.batch < 1:
            raise ValueError(f"batch={self.batch!r}; expected a whole number of frames from 1 up")

    def settled(self) -> Request:
        """With what a given plan says about devices, threads, streams and batches."""
        plan = self.plan
        if plan is None:
            return self
        device = "cpu" if self.device == "auto" and "gpu" not in plan.devices else self.device
        threads = self.threads or plan.threads
        return replace(self, device=device, threads=threads, streams=plan.streams, batch=plan.batch)


class Decisions:
    """What was decided for one model and one request, for shapes after shapes. Several threads may ask.

    Raises DeviceError where the devices asked for are not to be had.
    """

    def __init__(self, model: Model, request: Request) -> None:
        self._model, self._request = model, request.settled()
        asked = self._request
        self._devices = choose(asked.device, asked.threads, 1 if asked.streams == "auto" else asked.streams)
        self._lock = threading.RLock()
        self._found: dict[Shapes, Compiled] = {}

    def decided(self, shapes: Shapes) -> Compiled:
        """The plan for inputs of these shapes, compiled; made when first asked for."""
        with self._lock:
            if shapes not in self._found:
                self._found[shapes] = self._decide(self._graph(shapes))
            return self._found[shapes]

    def planner(self, shapes: Shapes) -> Planner:
        """The planner for the devices that were decided for."""
        return Planner(self._graph(shapes), self._model.digest, self.decided(shapes).devices, self._request.batch)

    def spare(self, shapes: Shapes) -> Compiled:
        """Everything on the CPU, for frames that another device's driver fails."""
        planner = Planner(self._graph(shapes), self._model.digest, {"cpu": self._devices["cpu"]})
        return planner.compiled(planner.alone("cpu"))

    def follows(self, shapes: Shapes) -> bool:
        """Whether the plan is our own choice and may change: where the costs of two devices are known."""
        compiled, asked = self.decided(shapes), self._request
        if asked.plan is not None or "gpu" not in compiled.devices or asked.device.startswith("gpu"):
            return False
        return store.kept_costs(store.key(compiled.graph, self._model.digest, compiled.devices)) is not None

    def expected(self, shapes: Shapes) -> dict[str, float]:
        """Device -> seconds per frame, or batch, that it is expected to work; nothing where its costs are not kept."""
        compiled = self.decided(shapes)
        known = store.kept_costs(store.key(compiled.graph, self._model.digest, compiled.devices))
        if known is None:
            return {}
        # With costs at hand a graph that cannot be compiled will do: nothing is read or folded beside the stream.
        planner = Planner(compiled.graph, self._model.digest, compiled.devices, self._request.batch)
        planner.costs = known
        return planner.expected(compiled.plan)

    def replanned(self, shapes: Shapes, factors: Mapping[str, float]) -> bool:
        """Plan again for devices that take so many times as long as their costs say; whether that changed the plan.

        What was made ready with the plan before goes on as it is.
        """
        planner = self.planner(shapes)
        known = planner.costs
        store.forget(self._model.digest)  # what was decided, and the costs beside other devices
        planner = planner.corrected(known, factors)
        strategy = self._request.strategy
        found = planner.better(self.decided(shapes).plan, TRIED if strategy == "auto" else (strategy,))
        if found is None:
            return False
        with self._lock:
            self._found[shapes] = planner.compiled(found)
        return True

    def clear(self) -> None:
        """Let the memory of what was compiled go; it is made again when asked for."""
        with self._lock:
            self._found.clear()

    def _graph(self, shapes: Shapes) -> Graph:
        return prepared(self._model, dict(shapes), self._request.batch)

    def _decide(self, graph: Graph) -> Compiled:
        asked = self._request
        if asked.plan is not None:
            asked.plan.check([node.name for node in graph.nodes], self._devices, self._model.digest)
            return Compiled(graph, asked.plan, self._devices)
        words = (asked.device, asked.strategy, asked.threads, asked.streams, asked.batch)
        return decide(graph, self._model.digest, self._devices, *words)
